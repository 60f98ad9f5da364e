package io.github.lora4j.examples;

import io.github.lora4j.djl.data.SquadExample;
import java.util.List;

/** The questions of the walkthrough: an easy one, one without an answer, one on a longer text. */
final class ThreeQuestions {

  private static final String CHEESE = "Cheese is the best food.";

  private static final String MOON =
      "The Moon is the only natural companion of the Earth. People have watched it since ancient"
          + " times and have built calendars on its changing face. The Moon orbits the Earth at an"
          + " average distance of 384,400 km. A full round takes it about a month, and it always"
          + " turns the same side to us. It has no air to speak of, so its sky is black even at"
          + " noon. Its pull raises the tides of the sea. In the summer of 1969 two visitors walked"
          + " on its dust and brought stones home.";

  static final List<SquadExample> ALL =
      List.of(
          question("cheese", CHEESE, "What is the best food?"),
          question("far", CHEESE, "How far away is the Moon from the Earth?"),
          question("moon", MOON, "At what distance does the Moon orbit the Earth?"));

  private ThreeQuestions() {}

  private static SquadExample question(String id, String context, String question) {
    return new SquadExample(id, "", context, question, List.of(), false, List.of());
  }
}
