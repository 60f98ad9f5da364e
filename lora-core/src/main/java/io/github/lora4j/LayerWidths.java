package io.github.lora4j;

import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How much a layer of a decoder keeps and uses in a training step, told from the shapes of its
 * modules alone; all widths in numbers a token. Attention stands first in a layer, and each of its
 * sub-layers ends in a map to the width of the layer.
 */
final class LayerWidths {

  /** Norms that read what the ends of the two sub-layers put out, which is counted there. */
  private static final int PLAIN_NORMS = 2;

  private final long hidden;
  private final Map<String, List<TargetModule>> groups = new LinkedHashMap<>();
  private final Map<String, List<Long>> norms;
  private final boolean normsBehind;

  /**
   * A layer.
   *
   * @param maps its linear maps, in the order of the tree
   * @param norms widths of its norms by the path of what they stand in
   * @param normsBehind whether they stand behind the sums, as where no norm stands behind the
   *     layers: the input is then kept beside what the norms read
   * @param usual width of a layer that has no norm
   */
  LayerWidths(
      List<TargetModule> maps, Map<String, List<Long>> norms, boolean normsBehind, long usual) {
    maps.forEach(
        map -> groups.computeIfAbsent(parent(map.path()), path -> new ArrayList<>()).add(map));
    this.norms = norms;
    this.normsBehind = normsBehind;
    this.hidden =
        norms.values().stream()
            .flatMap(List::stream)
            .mapToLong(Long::longValue)
            .max()
            .orElse(usual);
  }

  static String parent(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('.')));
  }

  long hidden() {
    return hidden;
  }

  /** What is kept besides the outputs of maps: that of attention, and what more norms read. */
  long keptBesides() {
    long attention =
        groups.values().stream()
            .findFirst()
            .flatMap(this::end)
            .map(end -> (long) end.inFeatures())
            .orElse(hidden);
    return attention + readByNorms();
  }

  private long readByNorms() {
    long wide = 0;
    long read = 0;
    for (Map.Entry<String, List<Long>> entry : norms.entrySet()) {
      List<TargetModule> beside = groups.getOrDefault(entry.getKey(), List.of());
      int place = 0;
      for (long width : entry.getValue()) {
        if (width == hidden) {
          wide++;
        } else if (place < beside.size()) { // of heads: in the order of the maps that make them
          read += beside.get(place++).outFeatures();
        }
      }
    }
    long more = wide == 0 ? 0 : wide - PLAIN_NORMS + (normsBehind ? 1 : 0);
    return read + more * hidden;
  }

  /**
   * Gradients that are there at once in the backward of a sub-layer: of what its last map reads,
   * and of what that is computed from, where it is more than one gradient in place of the other.
   */
  long gradients() {
    return groups.values().stream().mapToLong(this::gradients).max().orElse(0);
  }

  private long gradients(List<TargetModule> maps) {
    Optional<TargetModule> end = end(maps);
    if (end.isEmpty()) {
      return maps.stream().mapToLong(TargetModule::outFeatures).max().orElse(0);
    }
    long read = end.get().inFeatures();
    long made = maps.stream().mapToLong(TargetModule::outFeatures).sum() - end.get().outFeatures();
    return made > read ? made + read : read;
  }

  private Optional<TargetModule> end(List<TargetModule> maps) {
    return maps.stream().filter(map -> map.outFeatures() == hidden).reduce((first, last) -> last);
  }
}
