package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A body as it arrives. The JDK's own stream waits for ever on a host that stops sending; this one
 * gives up after a time of silence. Read by one thread.
 */
final class HubBody implements HttpResponse.BodySubscriber<HubBody>, AutoCloseable {

  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final CompletableFuture<Flow.Subscription> subscribed = new CompletableFuture<>();
  private final Duration timeout;
  private boolean ended;

  /** What may arrive: buffers, or the end with or without a failure. */
  private record Event(List<ByteBuffer> buffers, boolean last, @Nullable Throwable failure) {}

  HubBody(Duration timeout) {
    this.timeout = timeout;
  }

  @Override
  public CompletionStage<HubBody> getBody() {
    return CompletableFuture.completedStage(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    subscribed.complete(subscription);
    subscription.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    events.add(new Event(buffers, false, null));
  }

  @Override
  public void onError(Throwable failure) {
    events.add(new Event(List.of(), true, failure));
  }

  @Override
  public void onComplete() {
    events.add(new Event(List.of(), true, null));
  }

  /**
   * What came next.
   *
   * @return an empty list at the end
   * @throws HttpTimeoutException if nothing comes for too long
   * @throws InterruptedIOException if the thread was interrupted
   */
  List<ByteBuffer> next() throws IOException {
    while (!ended) {
      Event event = await();
      if (event.failure() != null) {
        ended = true;
        throw new IOException(event.failure().getMessage(), event.failure());
      }
      if (event.last()) {
        ended = true;
      } else {
        subscribed.join().request(1);
        if (!event.buffers().isEmpty()) {
          return event.buffers();
        }
      }
    }
    return List.of();
  }

  private Event await() throws IOException {
    try {
      Event event = events.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
      if (event == null) {
        close();
        throw new HttpTimeoutException("nothing came for " + timeout.toMillis() + " ms");
      }
      return event;
    } catch (InterruptedException e) {
      close();
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted while loading").initCause(e);
    }
  }

  /** Gives the connection up unless all of the body was read. */
  @Override
  public void close() {
    if (!ended) {
      ended = true;
      var cancelled = subscribed.thenAccept(Flow.Subscription::cancel); // also if it comes late
      assert cancelled != null;
    }
  }
}
