package io.github.lora4j.examples;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.LoraException;
import io.github.lora4j.io.AtomicFile;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TorchFile;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Writes {@code adapter_model.safetensors} from an {@code adapter_model.bin}, whose pickle is read
 * and not run. Needs no base and no engine; the tensors keep their names, types and bits.
 *
 * @since 0.1.0
 */
@Command(
    name = "ConvertAdapter",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Converts an adapter_model.bin to safetensors; nothing in it is run.")
public final class ConvertAdapter implements Callable<Integer> {

  private static final String CONFIG = "adapter_config.json";
  private static final String OLD = "adapter_model.bin";
  private static final String NEW = "adapter_model.safetensors";

  private final Page page;

  @Parameters(index = "0", paramLabel = "DIR", description = "An adapter's directory.")
  private Path directory = Path.of("");

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "OUT",
      description = "Where to write; made if it is not there. Default: beside the old file.")
  private @Nullable Path out;

  ConvertAdapter(Page page, Interruption interruption) {
    this.page = page;
  }

  /**
   * Runs the example.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Example.onTerminal().run(ConvertAdapter::new, args));
  }

  @Override
  public Integer call() throws IOException {
    Path target = out == null ? directory : out;
    boolean elsewhere =
        !target.toAbsolutePath().normalize().equals(directory.toAbsolutePath().normalize());
    require(CONFIG, "an adapter needs one");
    require(OLD, Files.exists(directory.resolve(NEW)) ? NEW + " is there" : "nothing to convert");
    refuseToReplace(target.resolve(NEW));
    if (elsewhere) {
      refuseToReplace(target.resolve(CONFIG));
    }
    convert(directory.resolve(OLD), target.resolve(NEW));
    if (elsewhere) { // last: without it, a directory is no adapter
      AtomicFile.write(target.resolve(CONFIG), Files.readAllBytes(directory.resolve(CONFIG)));
    }
    sayWhetherItLoads(target);
    return 0;
  }

  private void require(String file, String otherwise) throws IOException {
    if (!Files.isRegularFile(directory.resolve(file))) {
      throw new NoSuchFileException(
          directory.resolve(file).toString(), null, "missing; " + otherwise);
    }
  }

  private static void refuseToReplace(Path file) throws IOException {
    if (Files.exists(file)) {
      throw new FileAlreadyExistsException(
          file.toString(), null, "is there already; name another directory to write to");
    }
  }

  private void convert(Path from, Path to) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    try (TorchFile file = TorchFile.open(from)) {
      for (TensorEntry tensor : file.tensors()) {
        writer.add(tensor.name(), tensor.dtype(), tensor.shape(), file.bytes(tensor));
      }
      Path parent = to.toAbsolutePath().getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      writer.writeTo(to);
      page.say("%d tensors, %,d bytes: %s", file.tensors().size(), Files.size(to), to);
    }
  }

  /** Of other methods than LoRA the tensors can be converted all the same. */
  private void sayWhetherItLoads(Path target) throws IOException {
    try {
      AdapterInspection found = AdapterInspection.of(AdapterFiles.in(target));
      page.say(
          "rank %d, targets %s",
          found.config().rank(), AdapterCheck.targets(found.config().targetModules()));
    } catch (LoraException e) {
      page.say("converted, but this library does not load it: " + OneLineErrors.line(e));
    }
  }
}
