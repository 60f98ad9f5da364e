package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The arithmetic of {@link LoraPlan#stepMemory}, the sums over modules taken once. */
final class StepFormula {

  /** Values, gradients, AdamW's two moments and the mask of what decays: fp32 each. */
  private static final long ADAPTER_BYTES = 5 * Float.BYTES;

  /** Rows of the head in fp32: the states, their targets' rows of the table, and the gradient. */
  private static final int HEAD_ROWS = 3;

  /** Hidden states of the head: its input, the labelled rows of it, normalised, and gradient. */
  private static final int HEAD_STATES = 4;

  /** Of a layer's backward: the gradients of its output and of what is between its halves. */
  private static final int BLOCK_STATES = 2;

  private static final Pattern BLOCK = Pattern.compile("^(.*?\\.\\d+)\\.");

  /** Widths of a layer in numbers per token, and its largest matrix. */
  private record Block(
      long hidden, long kept, long transientWidth, long largestMatrix, boolean trained) {}

  private final LoraPlan plan;
  private final long hidden;
  private final long vocabulary;
  private final boolean below;
  private final boolean trainsHead;
  private final List<Block> blocks;

  StepFormula(LoraPlan plan) {
    this.plan = plan;
    TargetModule head =
        plan.tree().modules().stream()
            .filter(module -> module.kind() == Kind.OUTPUT_HEAD)
            .findFirst()
            .orElse(TargetModule.outputHead("head", 0, 0, false));
    this.hidden = head.inFeatures();
    this.vocabulary = head.outFeatures();
    this.below = trainsBelow(plan.tree());
    this.trainsHead = trained().contains(head.path());
    this.blocks = blocks(plan.tree());
  }

  private List<Block> blocks(ModuleTree tree) {
    Map<String, List<TargetModule>> maps = new LinkedHashMap<>();
    for (TargetModule module : tree.modules()) {
      Matcher matcher = BLOCK.matcher(module.path());
      if (module.kind() == Kind.LINEAR && matcher.find()) {
        maps.computeIfAbsent(matcher.group(1), path -> new ArrayList<>()).add(module);
      }
    }
    Map<String, LoraLinear> pairs = new TreeMap<>();
    plan.pairs().forEach(pair -> pairs.put(pair.path(), pair));
    List<Block> result = new ArrayList<>();
    boolean normsBehind =
        tree.parameters().stream().noneMatch(p -> isNorm(p) && !BLOCK.matcher(p.name()).find());
    boolean trained = below;
    for (Map.Entry<String, List<TargetModule>> block : maps.entrySet()) {
      String prefix = block.getKey() + ".";
      trained |= owned().anyMatch(name -> name.startsWith(prefix));
      trained |= pairs.keySet().stream().anyMatch(path -> path.startsWith(prefix));
      LayerWidths widths =
          new LayerWidths(block.getValue(), norms(tree, prefix), normsBehind, hidden);
      result.add(block(block.getValue(), widths, pairs, trained));
    }
    return result;
  }

  private Stream<String> owned() {
    return Stream.concat(plan.biases().stream(), plan.copies().stream()).map(ParameterInfo::name);
  }

  private Set<String> trained() {
    Set<String> trained = new HashSet<>();
    plan.pairs().forEach(pair -> trained.add(pair.path()));
    owned().forEach(name -> trained.add(name.substring(0, name.lastIndexOf('.'))));
    return trained;
  }

  /** Whether anything is trained that stands before the layers, e.g. the embedding. */
  private boolean trainsBelow(ModuleTree tree) {
    Set<String> trained = trained();
    for (TargetModule module : tree.modules()) {
      if (BLOCK.matcher(module.path() + ".").find()) {
        return false;
      }
      if (trained.contains(module.path())) {
        return true;
      }
    }
    return false;
  }

  /** The weight of no linear map is a vector. */
  private static boolean isNorm(ParameterInfo parameter) {
    return parameter.name().endsWith(".weight") && parameter.shape().size() == 1;
  }

  /** Widths of the norms of a layer, by what they stand in. */
  private static Map<String, List<Long>> norms(ModuleTree tree, String prefix) {
    Map<String, List<Long>> norms = new LinkedHashMap<>();
    for (ParameterInfo parameter : tree.parameters()) {
      String name = parameter.name();
      if (name.startsWith(prefix) && isNorm(parameter)) {
        String parent = LayerWidths.parent(LayerWidths.parent(name));
        norms.computeIfAbsent(parent, path -> new ArrayList<>()).add(parameter.shape().get(0));
      }
    }
    return norms;
  }

  private Block block(
      List<TargetModule> maps, LayerWidths widths, Map<String, LoraLinear> pairs, boolean trained) {
    long kept = widths.keptBesides();
    long remade = 0;
    long scaled = 0; // DoRA's gradient of a map's output, times the factors of its rows
    long matrix = 0;
    for (TargetModule map : maps) {
      LoraLinear pair = pairs.get(map.path());
      kept += map.outFeatures() + (pair == null ? 0 : pair.rank());
      if (pair != null && plan.config().dora()) {
        kept += map.outFeatures(); // what the magnitudes are multiplied with
        scaled = Math.max(scaled, map.outFeatures());
      }
      remade = pair == null ? remade : Math.max(remade, map.inFeatures());
      matrix = Math.max(matrix, (long) map.inFeatures() * map.outFeatures());
    }
    long inUse = BLOCK_STATES * widths.hidden() + widths.gradients() + remade + scaled;
    return new Block(widths.hidden(), kept, inUse, matrix, trained);
  }

  int layers() {
    return (int) blocks.stream().filter(Block::trained).count();
  }

  StepMemory at(StepShape shape) {
    long bytes = shape.tokens() * shape.computeBytes();
    boolean converts = shape.weightBytes() != shape.computeBytes();
    long kept = below && !blocks.isEmpty() ? bytes * blocks.get(0).hidden() : 0;
    long working = 0;
    int above = 0;
    for (int layer = blocks.size() - 1; layer >= 0; layer--) {
      Block block = blocks.get(layer);
      long matrix = converts ? converted(block.largestMatrix(), shape) : 0;
      long needed = block.transientWidth() * bytes + matrix;
      if (block.trained()) {
        boolean keeps = above < shape.keptLayers();
        kept += bytes * (keeps ? block.kept() : block.hidden());
        // Once a kept layer is done, its memory serves the recomputed ones below.
        needed += shape.keptLayers() == 0 ? bytes * (block.kept() - block.hidden()) : 0;
        above++;
      }
      working = Math.max(working, needed);
    }
    long trainable = plan.parameterCount().trainable();
    return new StepMemory(
        plan.tree().weightBytes(shape.weightBytes()),
        ADAPTER_BYTES * trainable,
        kept,
        working,
        head(shape, converts),
        shape.engine().runtimeBytes());
  }

  private long head(StepShape shape, boolean converts) {
    long words = Math.min(shape.engine().headWords(), vocabulary);
    long rows = Math.min(shape.engine().headRows(), shape.labels());
    long logitBytes = shape.computeBytes() + (trainsHead ? (long) Float.BYTES : 0);
    long sweep = rows * (words * logitBytes + HEAD_ROWS * hidden * Float.BYTES);
    long states = HEAD_STATES * hidden * shape.tokens() * shape.computeBytes();
    long matrix = converts ? converted(words * hidden, shape) : 0;
    return sweep + states + matrix;
  }

  private static long converted(long elements, StepShape shape) {
    return Math.min(elements, shape.engine().convertedElements()) * shape.computeBytes();
  }
}
