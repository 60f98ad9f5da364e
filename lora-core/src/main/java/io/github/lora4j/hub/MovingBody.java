package io.github.lora4j.hub;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A body that may take any time to send, as long as it moves. The JDK's own limit is on the time up
 * to the answer, which no upload of unknown length over a line of unknown speed can keep.
 */
final class MovingBody implements HttpRequest.BodyPublisher {

  /** A hub that got something to do answers later than one that is asked something. */
  static final int PATIENCE = 6;

  private final HttpRequest.BodyPublisher body;
  private final AtomicLong moved = new AtomicLong();

  MovingBody(HttpRequest.BodyPublisher body) {
    this.body = body;
  }

  /** Sends a request that has this body. */
  HttpResponse<HubBody> send(HttpClient client, HttpRequest request, Duration timeout)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<HubBody>> answer =
        client.sendAsync(request, info -> new HubBody(timeout));
    boolean answered = false;
    try {
      HttpResponse<HubBody> response = await(answer, timeout.multipliedBy(PATIENCE));
      answered = true;
      return response;
    } finally {
      if (!answered) {
        answer.cancel(true);
      }
    }
  }

  private HttpResponse<HubBody> await(
      CompletableFuture<HttpResponse<HubBody>> answer, Duration patience)
      throws IOException, InterruptedException {
    while (true) {
      long before = moved.get();
      try {
        return answer.get(patience.toNanos(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        if (moved.get() == before) {
          throw (IOException)
              new HttpTimeoutException("nothing moved for " + patience.toMillis() + " ms")
                  .initCause(e);
        }
      } catch (ExecutionException e) {
        throw e.getCause() instanceof IOException known ? known : new IOException(e.getCause());
      }
    }
  }

  @Override
  public long contentLength() {
    return body.contentLength();
  }

  @Override
  public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
    body.subscribe(
        new Flow.Subscriber<>() {
          @Override
          public void onSubscribe(Flow.Subscription subscription) {
            subscriber.onSubscribe(subscription);
          }

          @Override
          public void onNext(ByteBuffer part) {
            moved.addAndGet(part.remaining());
            subscriber.onNext(part);
          }

          @Override
          public void onError(Throwable failure) {
            subscriber.onError(failure);
          }

          @Override
          public void onComplete() {
            subscriber.onComplete();
          }
        });
  }
}
