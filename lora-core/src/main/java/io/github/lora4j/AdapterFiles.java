package io.github.lora4j;

import io.github.lora4j.io.TensorFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The files of one adapter, where they are: in a directory, or in memory. What an {@link
 * AdapterSource} supplies and all reading of adapters starts from; it holds nothing open.
 *
 * @since 0.1.0
 */
public abstract sealed class AdapterFiles permits FilesInDirectory, FilesInMemory {

  /** What PEFT wrote before it wrote safetensors: a file of {@code torch.save}. */
  static final String LEGACY_WEIGHTS = "adapter_model.bin";

  private static final int ZIP = 0x04034b50;
  private static final byte PICKLE = (byte) 0x80;

  private final String name;

  AdapterFiles(String name) {
    this.name = Objects.requireNonNull(name, "name");
  }

  /**
   * An adapter's directory, as PEFT or {@link PeftModel#save} wrote it.
   *
   * @param directory with {@code adapter_config.json} and {@code adapter_model.safetensors}, or
   *     instead of the latter {@code adapter_model.bin}
   * @return its files; that they are there is found out on reading
   */
  public static AdapterFiles in(Path directory) {
    Path last = directory.getFileName();
    return new FilesInDirectory(last == null ? directory.toString() : last.toString(), directory);
  }

  /**
   * An adapter in a sub-directory, where PEFT puts those of other names than {@code default}. The
   * name may come from anywhere: what leads out of the directory is refused.
   *
   * @param directory that the name must stay in
   * @param subfolder names joined by {@code /}, e.g. {@code mail} or {@code acme/mail}
   * @return its files
   * @throws IllegalArgumentException if the name is absolute, empty, or has a part that is empty,
   *     {@code .} or {@code ..}
   * @throws LoraException if it leads out of the directory by a symbolic link
   * @throws IOException if there is no such directory
   */
  public static AdapterFiles in(Path directory, String subfolder) throws IOException {
    return new FilesInDirectory(subfolder, Subfolder.resolve(directory, subfolder));
  }

  /**
   * An adapter in memory, e.g. from a database.
   *
   * @param name what messages call it
   * @param configJson the text of {@code adapter_config.json}
   * @param weights the bytes of {@code adapter_model.safetensors} or {@code adapter_model.bin},
   *     which their beginning tells, from the buffer's position to its limit; not copied, so they
   *     must not change until the adapter is loaded
   * @return its files
   */
  public static AdapterFiles of(String name, String configJson, ByteBuffer weights) {
    byte[] config = configJson.getBytes(StandardCharsets.UTF_8);
    return new FilesInMemory(
        name,
        Map.of(
            LoraConfigKeys.FILE_NAME,
            ByteBuffer.wrap(config),
            isOfTorch(weights) ? LEGACY_WEIGHTS : AdapterWriter.WEIGHTS,
            weights.slice()));
  }

  /**
   * A zip archive or a pickle. Safetensors begins with the length of its header, which would be
   * longer than any that is read.
   */
  private static boolean isOfTorch(ByteBuffer weights) {
    ByteBuffer head = weights.slice().order(ByteOrder.LITTLE_ENDIAN);
    return head.remaining() >= Long.BYTES
        && (head.getInt(0) == ZIP
            || (head.get(0) == PICKLE && head.getLong(0) > Integer.MAX_VALUE));
  }

  /**
   * What messages call the adapter.
   *
   * @return e.g. the name of its directory
   */
  public final String name() {
    return name;
  }

  /** Finds out that there is a place at all, whatever is in it. */
  abstract void requirePlace() throws IOException;

  abstract boolean has(String file);

  /** Where a file is or would be, for messages. */
  abstract String where(String file);

  /**
   * The bytes of a small file.
   *
   * @throws LoraException if it has more than so many
   */
  abstract byte[] bytes(String file, long most) throws IOException;

  abstract TensorFile tensors(String file) throws IOException;

  /** The file of weights; of two, the one of safetensors. */
  final Optional<String> weights() {
    return Stream.of(AdapterWriter.WEIGHTS, LEGACY_WEIGHTS).filter(this::has).findFirst();
  }

  /** Refuses to read what is larger than it can honestly be. */
  final void requireAtMost(String file, long size, long most) {
    if (size > most) {
      throw new LoraException(
          "%s has %d bytes, at most %d are read".formatted(where(file), size, most));
    }
  }
}
