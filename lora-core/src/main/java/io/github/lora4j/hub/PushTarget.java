package io.github.lora4j.hub;

import com.google.gson.JsonObject;
import io.github.lora4j.hub.HubException.Kind;
import io.github.lora4j.hub.PushOptions.Creation;
import java.io.IOException;
import java.util.Map;
import java.util.Set;

/** Sees to it that there is a repository, and a branch, to push to. */
final class PushTarget {

  /** What the hub says while another repository of the same owner is being made. */
  private static final String BUSY = "another conflicting operation is in progress";

  private static final Set<Integer> NO_RIGHT_TO_CREATE = Set.of(401, 402, 403);

  private final PushCalls calls;
  private final PushOptions push;

  PushTarget(PushCalls calls, PushOptions push) {
    this.calls = calls;
    this.push = push;
  }

  /** The repository with its owner, there and of the visibility that was asked for. */
  HubRepository prepare(HubRepository given) throws IOException {
    HubRepository repository = given.id().contains("/") ? given : ofTheTokensOwner(given);
    if (push.creation() != Creation.NONE) {
      create(repository);
      branch(repository);
    }
    return repository;
  }

  private HubRepository ofTheTokensOwner(HubRepository given) throws IOException {
    String owner = calls.get("/api/whoami-v2", HubSubject.of(given)).requireText("name");
    String id = owner + "/" + given.id();
    if (!HubRepository.isId(id)) {
      throw new HubException(
          Kind.REFUSED,
          "the hub calls the owner of the token '%s', which is no name"
              .formatted(HubText.printable(owner)));
    }
    return new HubRepository(given.kind(), id);
  }

  private void create(HubRepository repository) throws IOException {
    HubSubject subject = HubSubject.of(repository);
    for (int tries = 0; ; tries++) {
      try (HubReply reply = calls.reply("/api/repos/create", creation(repository))) {
        if (reply.isOk()) {
          return;
        }
        HubException refusal = calls.http().failures().of(reply, subject);
        boolean busy = reply.status() == 409 && String.valueOf(refusal.getMessage()).contains(BUSY);
        if (busy && tries < calls.options().retries()) {
          calls.http().backoff().pause(HubBackoff.own(tries));
        } else if (busy || !mayBeThere(reply.status())) {
          throw refusal;
        } else {
          requireThere(repository, refusal);
          return;
        }
      }
    }
  }

  /** Who may push need not have the right to create. */
  private static boolean mayBeThere(int status) {
    return status == 409 || NO_RIGHT_TO_CREATE.contains(status);
  }

  private JsonObject creation(HubRepository repository) {
    String[] parts = repository.id().split("/", -1);
    JsonObject body =
        PushCalls.object(
            Map.of("name", parts[1], "organization", parts[0], "type", repository.type()));
    switch (push.creation()) {
      case PUBLIC -> body.addProperty("visibility", "public");
      case PRIVATE -> body.addProperty("visibility", "private");
      case OWNERS_DEFAULT, NONE -> {}
    }
    return body;
  }

  private void requireThere(HubRepository repository, HubException refusal) throws IOException {
    JsonReply info;
    try {
      info = calls.get(repository.api(), HubSubject.of(repository));
    } catch (HubException e) {
      if (e.kind() == Kind.REPOSITORY_NOT_FOUND || e.kind() == Kind.UNAUTHORISED) {
        refusal.addSuppressed(e);
        throw refusal; // it could not be made, and that is why it is not there
      }
      throw e;
    }
    boolean hidden = info.flag("private");
    boolean wanted = push.creation() == Creation.PRIVATE;
    if (push.creation() != Creation.OWNERS_DEFAULT && hidden != wanted) {
      throw new HubException(
          Kind.CONFLICT,
          "%s exists already and is %s, wanted it %s; change it at %s/settings, or push with another creation"
              .formatted(
                  repository,
                  hidden ? "private" : "public",
                  wanted ? "private" : "public",
                  calls.address(repository.web())));
    }
  }

  /** Other branches than main are not made by a commit. */
  private void branch(HubRepository repository) throws IOException {
    String revision = calls.options().revision();
    if (revision.equals(HubOptions.MAIN) || revision.startsWith("refs/")) {
      return;
    }
    HubSubject subject = HubSubject.of(repository).at(revision);
    String path = repository.api() + "/branch/" + HubText.segment(revision);
    try (HubReply reply = calls.reply(path, new JsonObject())) {
      if (!reply.isOk() && reply.status() != 409) { // 409: it is there
        throw calls.http().failures().of(reply, subject);
      }
    }
  }
}
