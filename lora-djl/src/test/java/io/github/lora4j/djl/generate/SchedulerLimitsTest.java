package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.train.ManagedArrays;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What a scheduler refuses, gives up and lets go. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class SchedulerLimitsTest {

  private static final GenerationOptions TWENTY = GenerationOptions.builder().build();
  private static final GenerationRequest MOON = GenerationRequest.of("Moon");

  private CausalLm base;

  @BeforeAll
  void load() throws IOException {
    base = GoldenBase.load();
  }

  @AfterAll
  void close() {
    base.close();
  }

  private GenerationScheduler.Builder oneRow() {
    return GenerationScheduler.builder(base).maxRows(1);
  }

  @Test
  void fullQueueRejectsWithItsFigures() throws Exception {
    Gate gate = new Gate();
    try (GenerationScheduler scheduler = oneRow().queueCapacity(2).build()) {
      ScheduledGeneration running = scheduler.submit(MOON, TWENTY, gate);
      gate.awaitReached();
      ScheduledGeneration waiting = scheduler.submit(MOON, TWENTY);
      scheduler.submit(MOON, TWENTY);

      GenerationRejectedException rejected =
          catchThrowableOfType(
              GenerationRejectedException.class, () -> scheduler.submit(MOON, TWENTY));

      assertThat(rejected)
          .isInstanceOf(RejectedExecutionException.class)
          .hasMessage(
              "the queue is full: 2 requests wait, 1 run; try again later or allow more to wait");
      assertThat(rejected.waiting()).isEqualTo(2);
      assertThat(rejected.running()).isEqualTo(1);
      assertThat(scheduler.figures()).isEqualTo(new SchedulerFigures(2, 1, 0, 0, 0, 0, 1, 0));
      assertThat(waiting.cancel()).isTrue();
      ScheduledGeneration taken = scheduler.submit(MOON, TWENTY);
      gate.open();
      assertThat(taken.text().get()).isEqualTo(running.text().get());
      assertThat(scheduler.figures()).isEqualTo(new SchedulerFigures(0, 0, 3, 0, 0, 1, 1, 60));
    }
  }

  @Test
  void rejectedRequestLetsItsAdapterGo() throws Exception {
    Gate gate = new Gate();
    try (GenerationScheduler scheduler = oneRow().queueCapacity(1).build()) {
      scheduler.submit(MOON, TWENTY, gate);
      gate.awaitReached();
      scheduler.submit(MOON, TWENTY);
      PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention");

      assertThatThrownBy(() -> scheduler.submit(MOON.adapter(view), TWENTY))
          .isInstanceOf(GenerationRejectedException.class);

      view.close();
      assertThat(view.nativeBytes()).isZero();
      gate.open();
    }
  }

  @Test
  void deadlineEndsARequestThatWaitsAndOneThatRuns() throws Exception {
    AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 5); // runs over, as nanoTime may
    Gate gate = new Gate();
    PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention");
    try (GenerationScheduler scheduler = oneRow().clock(clock::get).build()) {
      ScheduledGeneration running =
          scheduler.submit(MOON.adapter(view), TWENTY, gate, Duration.ofNanos(100));
      gate.awaitReached();
      ScheduledGeneration waiting =
          scheduler.submit(MOON.adapter(view), TWENTY, piece -> {}, Duration.ofNanos(100));
      ScheduledGeneration patient =
          scheduler.submit(MOON, TWENTY, piece -> {}, Duration.ofSeconds(Long.MAX_VALUE));

      clock.addAndGet(100);
      gate.open();

      assertThatThrownBy(() -> running.text().get())
          .hasRootCauseInstanceOf(TimeoutException.class)
          .hasRootCauseMessage(
              "the deadline of PT0.0000001S passed after 1 of at most 20 tokens;"
                  + " allow more time or fewer tokens");
      assertThatThrownBy(() -> waiting.text().get())
          .hasRootCauseInstanceOf(TimeoutException.class)
          .hasMessageContaining("after 0 of at most 20 tokens");
      assertThat(gate.pieces()).hasSize(1);
      assertThat(patient.text().get()).isEqualTo(TextGenerator.of(base).generate("Moon", TWENTY));
      assertThat(scheduler.figures().expired()).isEqualTo(2);
      view.close();
      assertThat(view.nativeBytes()).isZero();
    }
  }

  @Test
  void cancelledRequestThatWaitsLetsItsAdapterGoAtOnce() throws Exception {
    Gate gate = new Gate();
    PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention");
    List<String> pieces = new ArrayList<>();
    try (GenerationScheduler scheduler = oneRow().build()) {
      scheduler.submit(MOON, TWENTY, gate);
      gate.awaitReached();
      ScheduledGeneration waiting = scheduler.submit(MOON.adapter(view), TWENTY, pieces::add);
      view.close();
      assertThat(view.nativeBytes()).isPositive();

      assertThat(waiting.cancel()).isTrue();

      assertThat(view.nativeBytes()).isZero();
      assertThat(scheduler.figures()).isEqualTo(new SchedulerFigures(0, 1, 0, 0, 0, 1, 0, 0));
      assertThat(waiting.cancel()).isTrue(); // cancelled it is
      assertThatThrownBy(() -> waiting.text().get()).isInstanceOf(CancellationException.class);
      gate.open();
    }
    assertThat(pieces).isEmpty();
  }

  @Test
  void nothingIsHeldWhenTheLastThatWaitsIsCancelledJustAsTheOthersEnd() throws Exception {
    int before = ManagedArrays.below(base.decoder().manager());
    Gate gate = new Gate();
    try (GenerationScheduler scheduler = oneRow().build()) {
      ScheduledGeneration running = scheduler.submit(MOON, TWENTY, gate);
      gate.awaitReached();
      ScheduledGeneration waiting = scheduler.submit(MOON, TWENTY);
      // on the scheduler's thread, which has kept the ended row for the copy that takes this one in
      running.whenEnded(waiting::cancel);

      gate.open();

      assertThatThrownBy(() -> waiting.text().get()).isInstanceOf(CancellationException.class);
      long limit = System.nanoTime() + Duration.ofMinutes(1).toNanos();
      while (ManagedArrays.below(base.decoder().manager()) != before
          && System.nanoTime() - limit < 0) {
        Thread.onSpinWait();
      }
      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
    }
  }

  @Test
  void textOfOneTokenIsCountedBeforeItIsSeen() throws Exception {
    GenerationOptions one = GenerationOptions.builder().maxNewTokens(1).build();
    Gate gate = new Gate();
    try (GenerationScheduler scheduler = oneRow().build()) {
      CompletableFuture<String> text = scheduler.submit(MOON, one, gate).text();
      gate.awaitReached();
      CompletableFuture<Long> tokens = text.thenApply(seen -> scheduler.figures().tokens());

      gate.open();

      assertThat(tokens.get()).isEqualTo(1);
    }
  }

  @Test
  void cancelledRequestThatRunsEndsBeforeItsNextTokenAndTheOthersGoOn() throws Exception {
    Gate gate = new Gate();
    PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention");
    try (GenerationScheduler scheduler = GenerationScheduler.builder(base).build()) {
      ScheduledGeneration other = scheduler.submit(GenerationRequest.of("Earth"), TWENTY);
      ScheduledGeneration running = scheduler.submit(MOON.adapter(view), TWENTY, gate);
      gate.awaitReached();

      assertThat(running.cancel()).isTrue();
      gate.open();

      assertThat(other.text().get()).isEqualTo(TextGenerator.of(base).generate("Earth", TWENTY));
      assertThat(gate.pieces()).hasSize(1);
      assertThat(scheduler.figures().cancelled()).isEqualTo(1);
      view.close();
      assertThat(view.nativeBytes()).isZero();
      assertThat(other.cancel()).isFalse();
    }
  }

  @Test
  void futureCompletedByItsOwnerGivesTheRequestUp() {
    Gate gate = new Gate();
    GenerationScheduler scheduler = GenerationScheduler.builder(base).build();
    ScheduledGeneration running = scheduler.submit(MOON, TWENTY, gate);
    gate.awaitReached();

    running.text().complete("enough");
    gate.open();
    scheduler.close();

    assertThat(running.text()).isCompletedWithValue("enough");
    assertThat(gate.pieces()).hasSize(1);
    assertThat(scheduler.figures().cancelled()).isEqualTo(1);
  }

  @Test
  void closingFinishesWhatWasTakenAndTakesNoMore() {
    GenerationScheduler scheduler = oneRow().build();
    List<ScheduledGeneration> taken = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      taken.add(scheduler.submit(MOON, TWENTY));
    }

    scheduler.close();
    scheduler.close();

    String expected = TextGenerator.of(base).generate("Moon", TWENTY);
    assertThat(taken).allSatisfy(one -> assertThat(one.text()).isCompletedWithValue(expected));
    assertThatThrownBy(() -> scheduler.submit(MOON, TWENTY))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the scheduler is closed; build another one");
  }

  @Test
  void closingNowCancelsWhatWaitsAndWhatRuns() {
    Gate gate = new Gate();
    GenerationScheduler scheduler = oneRow().build();
    ScheduledGeneration running = scheduler.submit(MOON, TWENTY, gate);
    ScheduledGeneration waiting = scheduler.submit(MOON, TWENTY);
    gate.awaitReached();
    waiting.whenEnded(gate::open);

    scheduler.closeNow();

    assertThat(running.text()).isCancelled();
    assertThat(waiting.text()).isCancelled();
    assertThat(gate.pieces()).hasSizeLessThan(20);
    assertThat(scheduler.figures().cancelled()).isEqualTo(2);
  }

  @Test
  void interruptedCloseCancelsAndStaysInterrupted() throws Exception {
    Gate gate = new Gate();
    GenerationScheduler scheduler = oneRow().build();
    ScheduledGeneration running = scheduler.submit(MOON, TWENTY, gate);
    running.whenEnded(gate::open);
    gate.awaitReached();
    AtomicReference<Boolean> interrupted = new AtomicReference<>();
    CountDownLatch closed = new CountDownLatch(1);
    Thread closing =
        new Thread(
            () -> {
              scheduler.close();
              interrupted.set(Thread.currentThread().isInterrupted());
              closed.countDown();
            });
    closing.start();

    closing.interrupt();
    closed.await();

    assertThat(interrupted.get()).isTrue();
    assertThat(running.text()).isCancelled();
  }

  @Test
  void closingFromAReaderDoesNotWaitForItself() throws Exception {
    GenerationScheduler scheduler = oneRow().build();

    ScheduledGeneration one = scheduler.submit(MOON, TWENTY, piece -> scheduler.close());

    assertThat(one.text().get()).isEqualTo(TextGenerator.of(base).generate("Moon", TWENTY));
    assertThatThrownBy(() -> scheduler.submit(MOON, TWENTY))
        .isInstanceOf(IllegalStateException.class);
    scheduler.close();
  }

  @Test
  void interruptLeftBehindByAReaderDoesNotEndTheScheduler() throws Exception {
    try (GenerationScheduler scheduler = oneRow().build()) {
      scheduler.submit(MOON, TWENTY, piece -> Thread.currentThread().interrupt()).text().get();

      assertThat(scheduler.submit(MOON, TWENTY).text().get()).isNotEmpty();
    }
  }

  @Test
  void requestsThatCannotBeAnsweredAreRefusedBeforeTheyWait() throws IOException {
    try (CausalLm other = GoldenBase.load();
        PeftModel<CausalLm> foreign = GoldenBase.adapter(other, "attention");
        GenerationScheduler scheduler = oneRow().build()) {
      PeftModel<CausalLm> closed = GoldenBase.adapter(base, "attention");
      closed.close();

      assertThatThrownBy(() -> scheduler.submit(MOON.adapter(foreign), TWENTY))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("stands beside another base");
      assertThatThrownBy(() -> scheduler.submit(MOON.adapter(closed), TWENTY))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("its adapter is closed");
      assertThatThrownBy(() -> scheduler.submit(MOON, TWENTY, piece -> {}, Duration.ZERO))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("the deadline must be positive, got PT0S");
      assertThat(scheduler.figures()).isEqualTo(new SchedulerFigures(0, 0, 0, 0, 0, 0, 0, 0));
    }
  }

  @Test
  void settingsAreCheckedTogether() {
    assertThatThrownBy(
            () ->
                GenerationScheduler.builder(base)
                    .maxRows(0)
                    .queueCapacity(-1)
                    .maxPromptTokens(0)
                    .build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "max rows must be positive, got 0; queue capacity must be positive, got -1; "
                + "max prompt tokens must be positive, got 0");
  }
}
