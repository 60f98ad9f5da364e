package io.github.lora4j.hub;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.hub.HubException.Kind;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** Says what an answer other than success means and what to do about it, never with the token. */
final class HubFailures {

  private static final int MOST_BODY = 1 << 16;
  private static final String NONE = "none set";

  private final HubOptions options;

  HubFailures(HubOptions options) {
    this.options = options;
  }

  /** The answer itself if it is one of success. */
  HubReply require(HubReply reply, HubSubject subject) throws IOException {
    if (reply.isOk() || reply.isRedirect()) {
      return reply;
    }
    throw of(reply, subject);
  }

  /** What a status other than success means; closes the answer. */
  HubException of(HubReply reply, HubSubject subject) {
    String said = said(reply);
    HubException failure = failure(reply, subject, said);
    reply.close();
    return failure;
  }

  private HubException failure(HubReply reply, HubSubject subject, String said) {
    int status = reply.status();
    if (!HubAddress.sameOrigin(reply.address(), options.endpoint())) {
      return failure(
          status == 401 || status == 403 ? Kind.FORBIDDEN : Kind.REFUSED,
          "%s: %s, where the hub keeps the content, answers with status %d%s; it is not given the token"
              .formatted(subject, HubText.shown(reply.address()), status, said));
    }
    HubRepository repository = subject.repository();
    return switch (reply.header("X-Error-Code").orElse("")) {
      case "RepoNotFound" -> missing(repository, said);
      case "GatedRepo" -> gated(repository, said);
      case "RevisionNotFound" ->
          failure(
              Kind.REVISION_NOT_FOUND,
              "%s has no branch, tag or commit '%s'%s; look at %s for those it has"
                  .formatted(
                      repository, subject.revision(), said, page(repository) + "/tree/main"));
      case "EntryNotFound" ->
          failure(
              Kind.FILE_NOT_FOUND,
              "%s has no file '%s' at '%s'%s"
                  .formatted(repository, subject.file(), subject.revision(), said));
      default -> byStatus(status, subject, said);
    };
  }

  private HubException byStatus(int status, HubSubject subject, String said) {
    return switch (status) {
      case 401 ->
          tokenState().equals(NONE)
              ? missing(subject.repository(), said)
              : failure(
                  Kind.UNAUTHORISED,
                  "%s: %s does not accept the token (%s)%s; make one at %s/settings/tokens"
                      .formatted(
                          subject,
                          options.endpoint(),
                          options.token().where(),
                          said,
                          options.endpoint()));
      case 403 ->
          failure(
              Kind.FORBIDDEN,
              "%s: the token (%s) may not do this%s; give it the permission at %s/settings/tokens"
                  .formatted(subject, options.token().where(), said, options.endpoint()));
      case 404 -> missing(subject.repository(), said);
      case 409, 412 ->
          failure(
              Kind.CONFLICT, "%s: somebody was faster, or it is there%s".formatted(subject, said));
      default ->
          failure(
              Kind.REFUSED,
              "%s: %s answers with status %d%s"
                  .formatted(subject, options.endpoint(), status, said));
    };
  }

  private HubException missing(HubRepository repository, String said) {
    return failure(
        Kind.REPOSITORY_NOT_FOUND,
        ("%s is not at %s, or it is private and not shown with this token (%s)%s; check the id, and"
                + " if it is private set a token that may read it: HubOptions.token or HF_TOKEN")
            .formatted(repository, options.endpoint(), tokenState(), said));
  }

  private HubException gated(HubRepository repository, String said) {
    return failure(
        Kind.GATED,
        "%s is gated%s; ask its owner for access at %s, and use a token of yours (now: %s)"
            .formatted(repository, said, page(repository), tokenState()));
  }

  private String tokenState() {
    try {
      return options.token().find().isEmpty() ? NONE : options.token().where();
    } catch (IOException e) {
      return options.token().where() + ", which cannot be read";
    }
  }

  private String page(HubRepository repository) {
    return options.endpoint() + repository.web();
  }

  /** Nothing is sent when offline. */
  HubException offline(HubRequest request) {
    return failure(
        Kind.OFFLINE,
        ("%s was not sent: the hub is switched off by HubOptions.offline or HF_HUB_OFFLINE; switch"
                + " it on, or use what is cached in %s")
            .formatted(request, options.cache()));
  }

  /** A failure that may pass did not, for as long as we tried. */
  HubException passing(HubRequest request, HubReply reply, Optional<Duration> asked) {
    String said = said(reply);
    reply.close();
    String when = asked.map(d -> "; it asks to wait " + d.toSeconds() + " s").orElse("");
    if (reply.status() == 429) {
      return failure(
          Kind.RATE_LIMITED,
          "%s: too many requests for %s%s%s; try later, or with a token, which may do more"
              .formatted(request, HubText.shown(reply.address()), said, when));
    }
    return failure(
        Kind.UNAVAILABLE,
        "%s: %s has trouble, status %d%s%s; try later"
            .formatted(request, HubText.shown(reply.address()), reply.status(), said, when));
  }

  /** No answer came. */
  HubException unavailable(HubRequest request, IOException cause) {
    String why = cause.getMessage() == null ? "" : ": " + cause.getMessage();
    return new HubException(
        Kind.UNAVAILABLE,
        options
            .token()
            .redact(
                "%s: no answer (%s%s); check the connection, the proxy and HF_ENDPOINT"
                    .formatted(request, cause.getClass().getSimpleName(), HubText.printable(why))),
        withoutToken(cause));
  }

  /** The cause, unless the other side made it repeat the token: a stack trace shows causes too. */
  private IOException withoutToken(IOException cause) {
    for (Throwable at = cause; at != null; at = at.getCause()) {
      String text = String.valueOf(at.getMessage());
      if (!options.token().redact(text).equals(text)) {
        return new IOException(options.token().redact(cause.toString()));
      }
    }
    return cause;
  }

  private HubException failure(Kind kind, String message) {
    return new HubException(kind, options.token().redact(message));
  }

  /** What the other side says itself, if anything, ready to stand behind a phrase. */
  static String said(HubReply reply) {
    String text = reply.header("X-Error-Message").orElseGet(() -> bodyText(reply)).strip();
    return text.isEmpty() ? "" : " (\"" + HubText.printable(text) + "\")";
  }

  private static String bodyText(HubReply reply) {
    try {
      JsonElement json = JsonParser.parseString(reply.text(MOST_BODY));
      JsonElement said = json.isJsonObject() ? json.getAsJsonObject().get("error") : null;
      return said != null && said.isJsonPrimitive() ? said.getAsString() : "";
    } catch (IOException | JsonParseException e) {
      return ""; // a page for people, or none: the status says enough
    }
  }
}
