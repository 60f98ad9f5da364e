package io.github.lora4j.hub;

import com.google.gson.JsonObject;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One push of files: a repository to take them, the large ones to its store, then one commit. */
final class HubPush {

  private static final String CARD = "README.md";

  private final PushCalls calls;
  private final HubOptions options;
  private final PushOptions push;
  private final Path directory;

  /** As it was named; with its owner as soon as that is known. */
  private HubRepository target;

  /** Whether the hub may have made a commit without our knowing. */
  private boolean unknown;

  HubPush(
      HubHttp http,
      HubOptions options,
      PushOptions push,
      Path directory,
      HubRepository repository) {
    this.calls = new PushCalls(http, options);
    this.options = options;
    this.push = push;
    this.directory = directory.toAbsolutePath().normalize();
    this.target = repository;
    if (HubPath.isCommit(options.revision())) {
      throw new IllegalArgumentException(
          "revision must be a branch to push to, got the commit '%s'"
              .formatted(options.revision()));
    }
    if (push.pullRequest() && !options.revision().equals(HubOptions.MAIN)) {
      throw new IllegalArgumentException(
          "a pull request is opened against 'main', got revision '%s'"
              .formatted(options.revision()));
    }
  }

  /** Sends the files of these names, or says what is left to do. */
  HubCommit run(List<String> names) throws IOException {
    try {
      List<UploadFile> files = files(names);
      requireIdentity();
      HubRepository repository = new PushTarget(calls, push).prepare(target);
      target = repository;
      checkCard(repository, files);
      UploadPlan plan = UploadPlan.ask(calls, repository, files, push.pullRequest());
      return plan.isEmpty() ? head(repository, false) : commit(repository, plan, files);
    } catch (HubException e) {
      throw new HubException(e.kind(), e.getMessage() + whatToDo(), e);
    } catch (InterruptedIOException e) {
      throw (IOException) new InterruptedIOException(e.getMessage() + whatToDo()).initCause(e);
    }
  }

  private String whatToDo() {
    String known =
        unknown
            ? "whether the commit was made is not known, see %s"
                .formatted(calls.address(target.web() + "/commits/" + options.revision()))
            : "nothing was committed";
    return "; %s; the files are in '%s': HubUploader.push sends them again, as does PushAdapter '%s' %s"
        .formatted(known, directory, directory, target.id());
  }

  private List<UploadFile> files(List<String> names) throws IOException {
    if (names.isEmpty()) {
      throw new IllegalArgumentException("a push needs at least one file, got none");
    }
    List<UploadFile> files = new ArrayList<>();
    for (String name : names) {
      HubPath.requireFile(name);
      String remote = options.subfolder().map(folder -> folder + "/" + name).orElse(name);
      files.add(UploadFile.read(remote, directory.resolve(name)));
    }
    return files;
  }

  private void requireIdentity() throws IOException {
    if (!options.offline() && options.token().find().isEmpty()) {
      throw new HubException(
          Kind.UNAUTHORISED,
          ("a push to %s needs a token that may write; set HubOptions.token or HF_TOKEN, or log in"
                  + " with the hub's own tool (looked for one in %s)")
              .formatted(target, options.token().where()));
    }
  }

  /** The hub refuses a commit whose card it does not like, after everything was sent. */
  private void checkCard(HubRepository repository, List<UploadFile> files) throws IOException {
    for (UploadFile file : files) {
      if (file.name().equals(CARD)) {
        JsonObject question =
            PushCalls.object(
                Map.of("content", Files.readString(file.path()), "repoType", repository.type()));
        try (HubReply reply = calls.reply("/api/validate-yaml", question)) {
          if (reply.status() == 400) { // others leave it to the commit, e.g. mirrors
            throw refusalOfCard(repository, reply);
          }
        }
      }
    }
  }

  private HubException refusalOfCard(HubRepository repository, HubReply reply) throws IOException {
    HubRequest request = HubRequest.get(reply.address());
    List<String> reasons = new ArrayList<>();
    for (JsonReply error : JsonReply.of(request, reply.json()).objects("errors")) {
      error.text("message").ifPresent(reasons::add);
    }
    return new HubException(
        Kind.REFUSED,
        "%s: the hub does not accept the front matter of %s: %s"
            .formatted(repository, CARD, HubText.printable(String.join("; ", reasons))));
  }

  /** The hub has all files; the commit that the branch is at. */
  private HubCommit head(HubRepository repository, boolean changed) throws IOException {
    String path = repository.api() + "/revision/" + HubText.segment(options.revision());
    JsonReply info = calls.get(path, HubSubject.of(repository).at(options.revision()));
    String id = commitId(info, "sha");
    return new HubCommit(repository, id, page(repository, id), Optional.empty(), changed);
  }

  /**
   * Commits. If the answer is lost, the hub is asked what it has before the commit is sent again,
   * so that there are never two.
   */
  private HubCommit commit(HubRepository repository, UploadPlan first, List<UploadFile> files)
      throws IOException {
    Meter meter = meter(repository, first);
    HubSubject subject = HubSubject.of(repository).at(options.revision());
    new LargeFiles(calls, subject, push.pullRequest()).upload(first.large(), meter);
    UploadPlan plan = first;
    for (int failed = 0; ; failed++) {
      try {
        HubCommit commit = send(repository, plan, subject);
        done(meter, first);
        return commit;
      } catch (HubException e) {
        boolean lost = e.kind() == Kind.UNAVAILABLE && !push.pullRequest();
        if (!lost || failed == options.retries()) {
          throw e;
        }
        calls.http().backoff().pause(HubBackoff.own(failed));
        plan = UploadPlan.ask(calls, repository, files, push.pullRequest());
        if (plan.isEmpty()) {
          done(meter, first);
          return head(repository, true);
        }
      }
    }
  }

  private Meter meter(HubRepository repository, UploadPlan plan) {
    List<UploadFile> files = new ArrayList<>(plan.inline());
    files.addAll(plan.large());
    long total = files.stream().mapToLong(UploadFile::size).sum();
    return new Meter(repository, files.size(), 0, total, 0, options, options.progress());
  }

  /** What is inside of a commit is there when the commit is. */
  private static void done(Meter meter, UploadPlan plan) {
    for (UploadFile file : plan.inline()) {
      meter.add(file.size());
      meter.fileDone();
    }
  }

  /** From the moment it is sent until the answer is understood, the commit may have been made. */
  private HubCommit send(HubRepository repository, UploadPlan plan, HubSubject subject)
      throws IOException {
    String path =
        "%s/commit/%s%s"
            .formatted(
                repository.api(),
                HubText.segment(options.revision()),
                push.pullRequest() ? "?create_pr=1" : "");
    HubRequest request =
        HubRequest.post(calls.address(path), CommitBody.MEDIA_TYPE, CommitBody.of(push, plan))
            .once();
    unknown = true;
    try (HubReply reply = calls.http().send(request)) {
      if (!reply.isOk()) {
        unknown = false;
        throw calls.http().failures().of(reply, subject);
      }
      JsonReply answer = calls.object(request, reply);
      String id = commitId(answer, "commitOid");
      Optional<URI> pullRequest =
          push.pullRequest()
              ? Optional.of(page(answer.requireText("pullRequestUrl")))
              : Optional.empty();
      return new HubCommit(repository, id, page(repository, id), pullRequest, true);
    } catch (HubException e) {
      unknown &= e.kind() != Kind.RATE_LIMITED;
      throw e;
    }
  }

  private static String commitId(JsonReply answer, String member) throws HubException {
    String id = answer.requireText(member);
    if (!HubPath.isCommit(id)) {
      throw answer.refusal("the hub names the commit '" + id + "', which is no hash");
    }
    return id;
  }

  private URI page(String address) throws HubException {
    return HubAddress.redirect(options.endpoint(), address);
  }

  private URI page(HubRepository repository, String commit) {
    return calls.address(repository.web() + "/commit/" + commit);
  }
}
