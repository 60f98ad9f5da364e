package io.github.lora4j;

import io.github.lora4j.io.DType;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * What is in an adapter's files, after all has been checked that loading checks; no engine is
 * needed and nothing is kept in memory.
 *
 * <pre>{@code
 * AdapterInspection found = AdapterInspection.of(AdapterFiles.in(Path.of("squad")));
 * }</pre>
 *
 * @param config the configuration
 * @param weights name of the file of weights
 * @param tensors how many it holds
 * @param types of their elements
 * @param bytes of all elements as they are stored
 * @since 0.1.0
 */
public record AdapterInspection(
    LoraConfig config, String weights, int tensors, Set<DType> types, long bytes) {

  /** Takes a whole matrix for the base's, which is not there to compare with. */
  private static final BaseMatrices.Base FINITE =
      (name, row, rows) -> rows.firstNotFinite().isEmpty();

  /** Copies the types. */
  public AdapterInspection {
    types = Collections.unmodifiableSet(EnumSet.copyOf(types));
  }

  /**
   * Checks the files against each other: every tensor must be one of such an adapter, of the rank
   * that the configuration says, and finite. What a base would have, the tensors' shapes say.
   *
   * @param files the adapter
   * @return what they hold
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if they disagree, or the adapter is of a kind not supported
   */
  public static AdapterInspection of(AdapterFiles files) throws IOException {
    files.requirePlace();
    LoraConfig read = LoraConfigReader.read(files, LoraConfigKeys.FILE_NAME);
    String weights = AdapterReader.weights(files);
    try (TensorFile tensors = files.tensors(weights)) {
      LoraConfig config = SavedModules.withHeads(read, tensors);
      ModuleTree own = OwnModules.of(files, config, tensors);
      AdapterReader.check(files, OwnModules.named(config, own), tensors, own, FINITE);
      return found(config, weights, tensors);
    }
  }

  /**
   * Checks the files against a base, without loading it.
   *
   * @param files the adapter
   * @param base modules of a base
   * @return what they hold; loading it beside that base will do
   * @throws IOException if a file is missing, damaged or cannot be read
   * @throws LoraException if it does not fit the base, or is of a kind not supported
   */
  public static AdapterInspection of(AdapterFiles files, ModuleTree base) throws IOException {
    files.requirePlace();
    LoraConfig read = LoraConfigReader.read(files, LoraConfigKeys.FILE_NAME);
    String weights = AdapterReader.weights(files);
    try (TensorFile tensors = files.tensors(weights)) {
      LoraConfig config = SavedModules.withHeads(read, tensors);
      AdapterReader.check(files, config, tensors, base, FINITE);
      return found(config, weights, tensors);
    }
  }

  private static AdapterInspection found(LoraConfig config, String weights, TensorFile tensors) {
    EnumSet<DType> types = EnumSet.noneOf(DType.class);
    long bytes = 0;
    for (TensorEntry tensor : tensors.tensors()) {
      types.add(tensor.dtype());
      bytes += tensor.bytes();
    }
    return new AdapterInspection(config, weights, tensors.tensors().size(), types, bytes);
  }
}
