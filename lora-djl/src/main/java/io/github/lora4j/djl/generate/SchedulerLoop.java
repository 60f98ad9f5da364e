package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.generate.RequestBook.End;
import io.github.lora4j.djl.model.Decoder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;

/**
 * What the thread of a scheduler does: between two tokens it lets go who has ended and takes in who
 * waits, then every running request gets a token.
 */
final class SchedulerLoop implements Runnable {

  private final Decoder decoder;
  private final RequestBook book;
  private final int rows;
  private final int promptTokens;
  private final LongSupplier clock;

  SchedulerLoop(Decoder decoder, RequestBook book, int rows, int promptTokens, LongSupplier clock) {
    this.decoder = decoder;
    this.book = book;
    this.rows = rows;
    this.promptTokens = promptTokens;
    this.clock = clock;
  }

  @Override
  public void run() {
    try (RowBatch batch = new RowBatch(decoder)) {
      while (book.hasWork() || awaitWork(batch)) {
        turn(batch);
      }
    } catch (RuntimeException | Error e) {
      // nobody is to wait for a thread that is gone
      book.close();
      book.waiting().forEach(request -> endWaiting(request, End.FAILED, e));
      book.running().forEach(request -> endRunning(request, End.FAILED, Optional.of(e)));
      throw e;
    }
  }

  /** Nothing is held while nothing is to do. */
  private boolean awaitWork(RowBatch batch) {
    batch.dropEnded();
    while (true) {
      try {
        return book.awaitWork();
      } catch (InterruptedException ignored) {
        // left behind by a reader; the thread is the scheduler's own and ends by close() only
      }
    }
  }

  private void turn(RowBatch batch) {
    endGivenUp();
    List<ScheduledGeneration> newcomers = book.start(rows, promptTokens);
    if (!newcomers.isEmpty()) {
      batch.join(RowBatch.grouped(newcomers.stream().map(ScheduledGeneration::row).toList()));
      book.tokens(batch.tokens());
      endEnded();
      endGivenUp(); // they have their first token, and may be given up before the second
    }
    batch.step();
    book.tokens(batch.tokens());
    if (book.waiting().isEmpty()) {
      batch.dropEnded(); // else they leave in the copy that takes the next ones in
    }
    endEnded();
  }

  private void endEnded() {
    for (ScheduledGeneration request : book.running()) {
      Row row = request.row();
      if (row.done()) {
        End end = row.failure().isPresent() ? End.FAILED : End.COMPLETED;
        endRunning(request, end, row.failure());
      }
    }
  }

  private void endGivenUp() {
    long now = clock.getAsLong();
    for (ScheduledGeneration request : book.waiting()) {
      if (request.isPast(now)) {
        endWaiting(request, End.EXPIRED, request.expiry());
      }
    }
    for (ScheduledGeneration request : book.running()) {
      boolean cancelled = request.text().isDone();
      if (cancelled || request.isPast(now)) {
        TimeoutException expiry = request.expiry();
        request.row().end();
        endRunning(request, cancelled ? End.CANCELLED : End.EXPIRED, Optional.of(expiry));
      }
    }
  }

  private void endWaiting(ScheduledGeneration request, End how, Throwable cause) {
    if (book.endWaiting(request, how)) {
      request.release();
      request.text().completeExceptionally(cause);
    }
  }

  /** Memory first and the future last: who sees the text sees the rest done. */
  private void endRunning(ScheduledGeneration request, End how, Optional<Throwable> cause) {
    request.release();
    book.endRunning(request, how);
    if (cause.isPresent()) {
      request.text().completeExceptionally(cause.get());
    } else {
      request.text().complete(request.row().text());
    }
  }
}
