package io.github.lora4j.djl.block;

import ai.djl.nn.Block;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.SequentialBlock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * What PyTorch would call the children of a block. DJL numbers them from 1 and puts the number
 * before the name, {@code 03keyProjection}. A child that was given a name keeps the name alone; in
 * a sequence, where the name is only that of the class, it is called by its place, from 0, as in
 * {@code nn.Sequential}.
 */
final class ChildNames {

  private ChildNames() {}

  static List<String> of(Block parent) {
    List<String> keys = parent.getChildren().keys();
    boolean byPlace = parent instanceof SequentialBlock || parent instanceof ParallelBlock;
    List<String> bare = new ArrayList<>();
    for (int place = 0; place < keys.size(); place++) {
      bare.add(byPlace ? String.valueOf(place) : withoutNumber(keys.get(place), place + 1));
    }
    List<String> names = new ArrayList<>();
    for (int place = 0; place < keys.size(); place++) {
      String name = bare.get(place);
      boolean unique = !name.isEmpty() && Collections.frequency(bare, name) == 1;
      names.add((unique ? name : keys.get(place)).replace('.', '_'));
    }
    return names;
  }

  /** By position: a name may begin with digits of its own. */
  private static String withoutNumber(String key, int number) {
    String prefix = String.format(Locale.ROOT, "%02d", number);
    return key.startsWith(prefix) ? key.substring(prefix.length()) : key;
  }
}
