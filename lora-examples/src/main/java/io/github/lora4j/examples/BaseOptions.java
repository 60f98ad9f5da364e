package io.github.lora4j.examples;

import ai.djl.Device;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.MatrixLibrary;
import io.github.lora4j.djl.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which base, stored how, running where. */
final class BaseOptions {

  private static final Pattern GPU = Pattern.compile("gpu(\\d{0,3})");

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description =
          "A checkpoint in the layout of Hugging Face: BLOOM, Falcon, Gemma 2 and 3, GPT-2, GPT-NeoX,"
              + " Llama, Mistral, OPT, Phi, Phi-3, Qwen2 and 3. Default: the tiny BLOOM inside.")
  private @Nullable Path model;

  @Option(
      names = "--precision",
      paramLabel = "fp32|fp16|bf16|int8|auto",
      defaultValue = "fp32",
      converter = PrecisionName.class,
      description =
          "How the base is stored; adapters are fp32 always. bf16 halves memory and is fast where"
              + " the processor has it, int8 halves it again at some loss, auto takes the fastest"
              + " floating type. Default: ${DEFAULT-VALUE}.")
  private Precision precision = Precision.FP32;

  @Option(
      names = "--device",
      paramLabel = "cpu|gpu0",
      defaultValue = "cpu",
      converter = DeviceName.class,
      description = "Where to run; gpu0 needs a CUDA native. Default: ${DEFAULT-VALUE}.")
  private Device device = Device.cpu();

  @Option(
      names = "--matrix-library",
      paramLabel = "measured|mkl|onednn",
      defaultValue = "measured",
      converter = LibraryName.class,
      description =
          "Who multiplies fp32 on the CPU: the faster, or always the same one, which a resumed run"
              + " needs. Default: ${DEFAULT-VALUE}.")
  private MatrixLibrary matrixLibrary = MatrixLibrary.MEASURED;

  /** Whether the base is the one on the class path. */
  boolean embedded() {
    return model == null;
  }

  /** Which part of a name tells what was trained on this base: {@code bloom} or the directory's. */
  String shortName() {
    return model == null
        ? "bloom"
        : String.valueOf(model.toAbsolutePath().normalize().getFileName());
  }

  /** What a picture calls the base. */
  String title() {
    return model == null ? "BLOOM" : shortName();
  }

  ExampleDefaults defaults() {
    return ExampleDefaults.of(embedded());
  }

  /** Loads the base; the caller closes it. */
  CausalLm load() throws IOException {
    Path directory = model == null ? EmbeddedFiles.BASE.directory() : model;
    return CausalLm.load(
        directory,
        LoadOptions.builder()
            .precision(precision)
            .device(device)
            .matrixLibrary(matrixLibrary)
            .build());
  }

  @Override
  public String toString() {
    String name = model == null ? "the embedded tiny BLOOM" : model.toString();
    String where = device.isGpu() ? "gpu" + device.getDeviceId() : "cpu";
    return "%s, %s, %s".formatted(name, precision.name().toLowerCase(Locale.ROOT), where);
  }

  static final class PrecisionName implements ITypeConverter<Precision> {
    @Override
    public Precision convert(String text) {
      return named(Precision.class, text);
    }
  }

  static final class LibraryName implements ITypeConverter<MatrixLibrary> {
    @Override
    public MatrixLibrary convert(String text) {
      return named(MatrixLibrary.class, text);
    }
  }

  private static <E extends Enum<E>> E named(Class<E> type, String text) {
    List<String> names = new ArrayList<>();
    for (E value : type.getEnumConstants()) {
      if (value.name().equalsIgnoreCase(text)) {
        return value;
      }
      names.add(value.name().toLowerCase(Locale.ROOT));
    }
    throw new TypeConversionException(
        "wanted one of %s, got '%s'".formatted(String.join(", ", names), text));
  }

  static final class DeviceName implements ITypeConverter<Device> {
    @Override
    public Device convert(String text) {
      if (text.equals("cpu")) {
        return Device.cpu();
      }
      Matcher gpu = GPU.matcher(text);
      if (!gpu.matches()) {
        throw new TypeConversionException("wanted cpu, gpu0, gpu1, ..., got '" + text + "'");
      }
      return gpu.group(1).isEmpty() ? Device.gpu() : Device.gpu(Integer.parseInt(gpu.group(1)));
    }
  }
}
