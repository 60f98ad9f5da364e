package io.github.lora4j.djl.train;

import io.github.lora4j.djl.internal.RandomStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Examples of one family, e.g. the questions on a passage, in the same accumulated batch: families
 * are shuffled inside, cut where they are larger than a batch, shuffled among each other, and put
 * into the first batch that has room. What fits nowhere as a whole fills what room is left, the
 * largest first.
 *
 * @param plain seed, and whether to shuffle at all
 * @param families of the examples, numbered from 0
 * @param window examples of an accumulated batch
 */
@SuppressWarnings("ArrayRecordComponent") // belongs to the survey, which is not compared
record SiblingOrder(DataOrder plain, int[] families, int window) implements EpochOrder {

  @Override
  public int[] of(int epoch) {
    RandomStream random = plain.random(epoch);
    List<int[]> parts = parts(random);
    Windows windows = new Windows(families.length, window);
    List<int[]> left = new ArrayList<>();
    for (int part : plain.shuffled(parts.size(), random)) {
      if (!windows.put(parts.get(part))) {
        left.add(parts.get(part));
      }
    }
    left.forEach(windows::putInPieces);
    return windows.order;
  }

  private List<int[]> parts(RandomStream random) {
    List<int[]> parts = new ArrayList<>();
    for (int[] family : byFamily()) {
      int[] inside = plain.shuffled(family.length, random);
      Arrays.setAll(inside, i -> family[inside[i]]);
      for (int start = 0; start < inside.length; start += window) {
        parts.add(Arrays.copyOfRange(inside, start, Math.min(inside.length, start + window)));
      }
    }
    return parts;
  }

  private int[][] byFamily() {
    int count = Arrays.stream(families).max().orElse(-1) + 1;
    int[] sizes = new int[count];
    Arrays.stream(families).forEach(family -> sizes[family]++);
    int[][] members = new int[count][];
    Arrays.setAll(members, family -> new int[sizes[family]]);
    for (int example = families.length - 1; example >= 0; example--) {
      members[families[example]][--sizes[families[example]]] = example;
    }
    return members;
  }

  /** The accumulated batches of an epoch, the last one smaller, being filled. */
  private static final class Windows {
    private final int[] order;
    private final int size;
    private final int[] used;
    private int firstOpen;

    Windows(int examples, int size) {
      this.order = new int[examples];
      this.size = size;
      this.used = new int[(examples + size - 1) / size];
    }

    boolean put(int[] part) {
      while (firstOpen < used.length && room(firstOpen) == 0) {
        firstOpen++;
      }
      for (int i = firstOpen; i < used.length; i++) {
        if (room(i) >= part.length) {
          fill(i, part, 0, part.length);
          return true;
        }
      }
      return false;
    }

    void putInPieces(int[] part) {
      int start = 0;
      while (start < part.length) {
        int roomiest = firstOpen;
        for (int i = firstOpen; i < used.length; i++) {
          roomiest = room(i) > room(roomiest) ? i : roomiest;
        }
        int count = Math.min(room(roomiest), part.length - start);
        fill(roomiest, part, start, count);
        start += count;
      }
    }

    private int room(int index) {
      return Math.min(size, order.length - index * size) - used[index];
    }

    private void fill(int index, int[] part, int start, int count) {
      System.arraycopy(part, start, order, index * size + used[index], count);
      used[index] += count;
    }
  }
}
