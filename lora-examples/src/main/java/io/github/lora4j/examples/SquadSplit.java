package io.github.lora4j.examples;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadExample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Questions to learn from, and questions on other passages to be examined with.
 *
 * @param train to learn from
 * @param heldOut to be examined with
 */
record SquadSplit(SquadDataset train, SquadDataset heldOut) {

  /** The questions on the class path. */
  static SquadSplit embedded(int questions, long seed) throws IOException {
    Path directory = EmbeddedFiles.SQUAD.directory();
    SquadDataset heldOut = SquadDataset.read(directory.resolve("heldout-v2.0.json"));
    return new SquadSplit(
        SquadDataset.read(directory.resolve("train-v2.0.json")), take(heldOut, questions, seed));
  }

  /**
   * Splits a file by article, or by passage if it has one article only: no passage stands in both.
   *
   * @param questions how many to hold out at least; as many are asked, drawn from those held out
   */
  static SquadSplit of(Path file, int questions, long seed) throws IOException {
    SquadDataset all = SquadDataset.read(file);
    List<List<SquadExample>> groups = groups(all, SquadExample::title);
    if (groups.size() < 2) {
      groups = groups(all, SquadExample::context);
    }
    if (groups.size() < 2) {
      throw new LoraException(
          file
              + ": wanted at least two passages, one to learn from and one to hold out, found "
              + groups.size());
    }
    Collections.shuffle(groups, new Random(seed));
    List<SquadExample> train = new ArrayList<>();
    List<SquadExample> heldOut = new ArrayList<>(groups.get(0));
    for (List<SquadExample> group : groups.subList(1, groups.size())) {
      boolean last = train.isEmpty() && group == groups.get(groups.size() - 1);
      (heldOut.size() < questions && !last ? heldOut : train).addAll(group);
    }
    return new SquadSplit(
        new SquadDataset(train), take(new SquadDataset(heldOut), questions, seed));
  }

  private static List<List<SquadExample>> groups(
      SquadDataset dataset, Function<SquadExample, String> key) {
    Map<String, List<SquadExample>> groups =
        dataset.examples().stream()
            .collect(Collectors.groupingBy(key, LinkedHashMap::new, Collectors.toList()));
    return new ArrayList<>(groups.values());
  }

  private static SquadDataset take(SquadDataset dataset, int questions, long seed) {
    return questions == 0 ? dataset : dataset.shuffle(seed).limit(questions);
  }
}
