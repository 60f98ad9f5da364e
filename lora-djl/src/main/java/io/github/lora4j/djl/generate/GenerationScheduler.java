package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.generate.RequestBook.End;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * Generates for many callers at once on one base, their requests batched together whenever they
 * come: a step reads the weights once for all texts that run, each under its own adapter or none.
 *
 * <pre>{@code
 * try (GenerationScheduler scheduler = GenerationScheduler.builder(base).build()) {
 *   ScheduledGeneration one = scheduler.submit(GenerationRequest.of(question).adapter(qa), options);
 *   ScheduledGeneration two = scheduler.submit(GenerationRequest.of(product).adapter(mail), options);
 *   System.out.println(one.text().get() + two.text().get());
 * }
 * }</pre>
 *
 * <p>A request waits in a queue of bounded length, joins the batch between two tokens, first come
 * first, and leaves it when its text ends, is cancelled, fails or passes its deadline; the others
 * go on. Its text is the one that {@link TextGenerator} gives for it alone, but for the rounding of
 * the device, which may decide between two tokens whose scores are equal to the last bits. A long
 * prompt is read in one pass, during which the running texts wait for their next token.
 *
 * <p>Safe from any number of threads. One thread of its own generates and calls the readers of
 * texts; it keeps no Java machine from ending. Whoever builds a scheduler closes it, before the
 * base.
 *
 * @since 0.1.0
 */
public final class GenerationScheduler implements AutoCloseable {

  /** More than any process lives. */
  private static final Duration NEVER = Duration.ofSeconds(Long.MAX_VALUE);

  private final CausalLm model;
  private final RequestBook book;
  private final LongSupplier clock;
  private final Thread thread;

  private GenerationScheduler(Builder builder) {
    this.model = builder.model;
    this.book = new RequestBook(builder.queueCapacity);
    this.clock = builder.clock;
    SchedulerLoop loop =
        new SchedulerLoop(
            model.decoder(), book, builder.maxRows, builder.maxPromptTokens, builder.clock);
    this.thread = new Thread(loop, "lora4j-generation");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Starts from 16 rows, 256 requests in the queue and 2,048 tokens of prompts a step.
   *
   * @param model a base, or {@code peft.model()}, which requests without an adapter then use
   * @return a builder
   */
  public static Builder builder(CausalLm model) {
    return new Builder(Objects.requireNonNull(model, "model"));
  }

  /**
   * Hands a request in.
   *
   * @param request prompt, adapter and seed. The adapter is held from now on: its view may be
   *     closed or replaced at once
   * @param options how to choose tokens and when to stop; their batch size is of no matter here
   * @return the request, waiting
   * @throws GenerationRejectedException if the queue is full
   * @throws IllegalArgumentException if the adapter stands beside another base, the prompt has no
   *     tokens or an option does not fit the model
   * @throws IllegalStateException if the adapter or the scheduler is closed
   */
  public ScheduledGeneration submit(GenerationRequest request, GenerationOptions options) {
    return submit(request, options, piece -> {});
  }

  /**
   * Hands a request in whose text is read as it grows.
   *
   * @param request prompt, adapter and seed
   * @param options how to choose tokens and when to stop
   * @param onText receives whole characters in order, never a part of a stop string, on the
   *     scheduler's thread while all other texts wait: let it be short. What it throws ends this
   *     text only and goes to its future
   * @return the request, waiting
   * @throws GenerationRejectedException if the queue is full
   * @throws IllegalArgumentException if the adapter stands beside another base, the prompt has no
   *     tokens or an option does not fit the model
   * @throws IllegalStateException if the adapter or the scheduler is closed
   */
  public ScheduledGeneration submit(
      GenerationRequest request, GenerationOptions options, Consumer<String> onText) {
    return submit(request, options, onText, NEVER);
  }

  /**
   * Hands a request in that is worth nothing later.
   *
   * @param request prompt, adapter and seed
   * @param options how to choose tokens and when to stop
   * @param onText receives the text as it grows
   * @param deadline from now on, looked at between tokens; a request that waits or runs when it has
   *     passed ends with a {@link java.util.concurrent.TimeoutException}
   * @return the request, waiting
   * @throws GenerationRejectedException if the queue is full
   * @throws IllegalArgumentException if the deadline is not positive, the adapter stands beside
   *     another base, the prompt has no tokens or an option does not fit the model
   * @throws IllegalStateException if the adapter or the scheduler is closed
   */
  public ScheduledGeneration submit(
      GenerationRequest request,
      GenerationOptions options,
      Consumer<String> onText,
      Duration deadline) {
    Objects.requireNonNull(onText, "onText");
    if (deadline.isZero() || deadline.isNegative()) {
      throw new IllegalArgumentException("the deadline must be positive, got " + deadline);
    }
    book.refuseIfFull();
    HeldRows held = HeldRows.of(model, List.of(request), options, onText);
    ScheduledGeneration scheduled =
        new ScheduledGeneration(held, options, deadline, clock.getAsLong());
    try {
      book.add(scheduled);
    } catch (RuntimeException e) {
      held.close();
      throw e;
    }
    scheduled.whenEnded(() -> leaveQueue(scheduled));
    return scheduled;
  }

  /** Does nothing for a request that its end has taken out of the queue already. */
  private void leaveQueue(ScheduledGeneration request) {
    if (book.endWaiting(request, End.CANCELLED)) {
      request.release();
    }
  }

  /**
   * How many requests wait, run and have ended.
   *
   * @return a snapshot; a request counts as ended before its future does
   */
  public SchedulerFigures figures() {
    return book.figures();
  }

  /**
   * Takes no further request, and returns when all that were taken have ended and their memory has
   * gone back. If the calling thread is interrupted meanwhile, it cancels them, as {@link
   * #closeNow} does. Called by a reader of a text, it does not wait.
   */
  @Override
  public void close() {
    book.close();
    boolean interrupted = false;
    while (thread.isAlive() && Thread.currentThread() != thread) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
        cancelAll();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Takes no further request, cancels all that wait or run, and then does what close does. */
  public void closeNow() {
    book.close();
    cancelAll();
    close();
  }

  private void cancelAll() {
    List<ScheduledGeneration> all =
        new ArrayList<>(Stream.of(book.waiting(), book.running()).flatMap(List::stream).toList());
    all.forEach(ScheduledGeneration::cancel);
  }

  /** Collects what a scheduler is to be like. */
  public static final class Builder {
    private final CausalLm model;
    private int maxRows = 16;
    private int queueCapacity = 256;
    private int maxPromptTokens = 2048;
    private LongSupplier clock = System::nanoTime;

    private Builder(CausalLm model) {
      this.model = model;
    }

    /**
     * Sets the most texts that run at once; 16 if not called. It bounds the memory of keys and
     * values.
     *
     * @param rows a positive number
     * @return this
     */
    public Builder maxRows(int rows) {
      this.maxRows = rows;
      return this;
    }

    /**
     * Sets the most requests that wait; 256 if not called. Further ones are rejected.
     *
     * @param requests a positive number
     * @return this
     */
    public Builder queueCapacity(int requests) {
      this.queueCapacity = requests;
      return this;
    }

    /**
     * Sets the most tokens of prompts that are read between two tokens of the running texts; 2,048
     * if not called. A longer prompt is read alone.
     *
     * @param tokens a positive number; a small one keeps running texts from waiting long, a large
     *     one lets many short prompts in at once
     * @return this
     */
    public Builder maxPromptTokens(int tokens) {
      this.maxPromptTokens = tokens;
      return this;
    }

    /** Sets what counts the nanoseconds of deadlines. */
    Builder clock(LongSupplier nanoseconds) {
      this.clock = nanoseconds;
      return this;
    }

    /**
     * Checks the settings and starts the scheduler's thread.
     *
     * @return the scheduler, to be closed by the caller
     * @throws IllegalArgumentException listing all problems
     */
    public GenerationScheduler build() {
      List<String> problems = new ArrayList<>();
      require(problems, "max rows", maxRows);
      require(problems, "queue capacity", queueCapacity);
      require(problems, "max prompt tokens", maxPromptTokens);
      if (!problems.isEmpty()) {
        throw new IllegalArgumentException(String.join("; ", problems));
      }
      return new GenerationScheduler(this);
    }

    private static void require(List<String> problems, String what, int value) {
      if (value <= 0) {
        problems.add("%s must be positive, got %d".formatted(what, value));
      }
    }
  }
}
