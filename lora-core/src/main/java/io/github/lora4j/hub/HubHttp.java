package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends requests: repeats those that may pass, follows redirects by hand, and gives the token to
 * the endpoint's own host only. Opens nothing before the first request.
 */
final class HubHttp {

  private static final Logger LOG = LoggerFactory.getLogger(HubHttp.class);

  /** More steps than any hub has hosts in a row. */
  static final int MOST_REDIRECTS = 10;

  private static final String USER_AGENT = "lora4j; java/" + Runtime.version().feature();

  private final HubOptions options;
  private final HubBackoff backoff;
  private final HubFailures failures;
  private @Nullable HttpClient client;

  HubHttp(HubOptions options) {
    this.options = options;
    this.backoff = new HubBackoff(options.time());
    this.failures = new HubFailures(options);
  }

  HubBackoff backoff() {
    return backoff;
  }

  HubFailures failures() {
    return failures;
  }

  /** An address of the endpoint. */
  URI address(String path) {
    return HubAddress.below(options.endpoint(), path);
  }

  /**
   * Sends a request, again and again while its failure may pass.
   *
   * @return the answer, whatever its status, to be closed by the caller
   * @throws HubException if no answer comes, or only ones that say to come later
   * @throws InterruptedIOException if the thread was interrupted
   */
  HubReply send(HubRequest request) throws IOException {
    return send(request, false);
  }

  /** As {@link #send(HubRequest)}, for an answer that is a text: one that breaks off is none. */
  HubReply sendForText(HubRequest request) throws IOException {
    return send(request, true);
  }

  private HubReply send(HubRequest request, boolean text) throws IOException {
    if (options.offline()) {
      throw failures.offline(request);
    }
    Optional<String> token = options.token().find();
    for (int failed = 0; ; failed++) {
      boolean again = request.repeatable() && failed < options.retries();
      Duration wait;
      try {
        HubReply reply = follow(request, token);
        if (!HubBackoff.isPassing(reply.status())) {
          if (text && reply.isOk()) {
            reply.takeIn();
          }
          return reply;
        }
        Optional<Duration> asked = backoff.asked(reply);
        again |= reply.status() == 429 && failed < options.retries(); // it was not even looked at
        if (!again || asked.filter(d -> d.compareTo(HubBackoff.LONGEST) > 0).isPresent()) {
          throw failures.passing(request, reply, asked);
        }
        reply.close();
        wait = asked.orElse(HubBackoff.own(failed));
        LOG.debug("hub {}: status {}, again in {}", request, reply.status(), wait);
      } catch (HubException | InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        if (!again || e instanceof SSLException) {
          throw failures.unavailable(request, e);
        }
        wait = HubBackoff.own(failed);
        LOG.debug("hub {}: {}, again in {}", request, e.getClass().getSimpleName(), wait);
      }
      backoff.pause(wait);
    }
  }

  private HubReply follow(HubRequest first, Optional<String> token) throws IOException {
    List<HttpHeaders> ofHub = new ArrayList<>();
    HubRequest request = first;
    boolean trusted = true;
    for (int step = 0; step <= MOST_REDIRECTS; step++) {
      // Once away, no longer trusted: another host may not send us back with the token in hand.
      trusted &= HubAddress.sameOrigin(options.endpoint(), request.address());
      HttpResponse<HubBody> response = exchange(request, trusted ? token : Optional.empty());
      LOG.debug("hub {}: {}", request, response.statusCode());
      if (trusted) {
        ofHub.add(response.headers());
      }
      HubReply reply = new HubReply(response, ofHub, options.time(), token);
      if (!reply.isRedirect() || !mayFollow(request, response.statusCode())) {
        return reply;
      }
      URI target = HubAddress.redirect(request.address(), reply.header("Location").orElseThrow());
      if (!request.acrossHosts() && !HubAddress.sameOrigin(request.address(), target)) {
        return reply;
      }
      reply.close();
      request = request.to(target);
    }
    throw new HubException(
        HubException.Kind.REFUSED,
        "%s leads from redirect to redirect, more than %d times; is the endpoint a hub?"
            .formatted(first, MOST_REDIRECTS));
  }

  /** What changes something is sent on only where the method stays the same. */
  private static boolean mayFollow(HubRequest request, int status) {
    return switch (status) {
      case 301, 302, 303 -> request.isReading();
      case 307, 308 -> true;
      default -> false;
    };
  }

  private HttpResponse<HubBody> exchange(HubRequest request, Optional<String> token)
      throws IOException {
    MovingBody body = new MovingBody(request.body());
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(request.address())
            .method(request.method(), body)
            .header("User-Agent", USER_AGENT)
            .header("Accept-Encoding", "identity");
    request.headers().forEach(builder::setHeader);
    token.ifPresent(t -> builder.setHeader("Authorization", "Bearer " + t));
    if (request.isReading()) {
      builder.timeout(options.timeout());
    }
    try {
      if (!request.isReading()) {
        return body.send(client(), builder.build(), options.timeout());
      }
      return client().send(builder.build(), info -> new HubBody(options.timeout()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted while asking").initCause(e);
    }
  }

  private synchronized HttpClient client() {
    if (client == null) {
      client =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .followRedirects(HttpClient.Redirect.NEVER)
              .connectTimeout(options.timeout())
              .build();
    }
    return client;
  }
}
