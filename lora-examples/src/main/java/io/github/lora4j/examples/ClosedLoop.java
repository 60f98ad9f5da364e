package io.github.lora4j.examples;

import io.github.lora4j.djl.generate.GenerationRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/**
 * Clients that ask at once, each its next question when it has the answer to the last.
 *
 * @param texts the answers, in the order of the questions
 * @param latencies of each, nanoseconds, rising
 * @param elapsed from the first question to the last answer, nanoseconds
 */
record ClosedLoop(List<String> texts, List<Long> latencies, long elapsed) {

  /** An answer and how long it took. */
  private record Answer(String text, long nanoseconds) {}

  /**
   * Asks.
   *
   * @param clients how many ask at once
   * @param requests the questions; client i asks those at i, i + clients, and so on
   * @param server answers one
   */
  static ClosedLoop run(
      int clients, List<GenerationRequest> requests, Function<GenerationRequest, String> server)
      throws InterruptedException {
    ExecutorService threads = Executors.newFixedThreadPool(clients);
    try {
      long begun = System.nanoTime();
      List<Future<List<Answer>>> running = new ArrayList<>();
      for (int client = 0; client < clients; client++) {
        int first = client;
        running.add(threads.submit(() -> ask(first, clients, requests, server)));
      }
      List<List<Answer>> answers = new ArrayList<>();
      for (Future<List<Answer>> one : running) {
        answers.add(one.get());
      }
      return of(requests.size(), answers, System.nanoTime() - begun);
    } catch (ExecutionException e) {
      throw new IllegalStateException("a client got no answer: " + e.getCause(), e);
    } finally {
      threads.shutdownNow();
    }
  }

  private static List<Answer> ask(
      int first,
      int clients,
      List<GenerationRequest> requests,
      Function<GenerationRequest, String> server) {
    List<Answer> answers = new ArrayList<>();
    for (int i = first; i < requests.size(); i += clients) {
      long asked = System.nanoTime();
      String text = server.apply(requests.get(i));
      answers.add(new Answer(text, System.nanoTime() - asked));
    }
    return answers;
  }

  private static ClosedLoop of(int requests, List<List<Answer>> answers, long elapsed) {
    List<String> texts = new ArrayList<>();
    List<Long> latencies = new ArrayList<>();
    for (int i = 0; i < requests; i++) {
      Answer answer = answers.get(i % answers.size()).get(i / answers.size());
      texts.add(answer.text());
      latencies.add(answer.nanoseconds());
    }
    Collections.sort(latencies);
    return new ClosedLoop(texts, latencies, elapsed);
  }

  /** The latency that a share of the requests do not exceed, milliseconds. */
  double milliseconds(double share) {
    int rank = (int) Math.ceil(share * latencies.size());
    return latencies.get(Math.max(0, rank - 1)) / 1e6;
  }

  /** Something per second. */
  double perSecond(long count) {
    return count / (elapsed / 1e9);
  }
}
