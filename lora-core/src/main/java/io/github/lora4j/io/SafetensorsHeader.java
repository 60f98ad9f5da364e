package io.github.lora4j.io;

import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads and checks the header of one file. Nothing is believed before it is checked. */
final class SafetensorsHeader {

  /** The format's own limit, bytes. */
  static final long MAX_HEADER = 100_000_000;

  private static final int LENGTH_BYTES = 8;

  /** Heap that reading takes for each byte of JSON: the bytes, their text, what it says. */
  private static final int HEAP_PER_BYTE = 8;

  private final TensorBytes file;
  private final long fileSize;
  private final List<TensorEntry> tensors = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final Set<String> names = new HashSet<>();
  private long dataStart;

  private SafetensorsHeader(TensorBytes file) throws IOException {
    this.file = file;
    this.fileSize = file.size();
  }

  static SafetensorsHeader read(TensorBytes file) throws IOException {
    SafetensorsHeader header = new SafetensorsHeader(file);
    header.parse(header.text());
    header.checkLayout();
    return header;
  }

  List<TensorEntry> tensors() {
    return tensors;
  }

  Map<String, String> metadata() {
    return metadata;
  }

  private String text() throws IOException {
    if (fileSize < LENGTH_BYTES) {
      throw problem("the file has %d bytes, a safetensors file at least 8", fileSize);
    }
    long length = file.read(0, LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 0 || length > MAX_HEADER) {
      throw problem(
          "the header claims %s bytes, the format allows %d; is it a safetensors file, or the pointer"
              + " that git leaves without its large-file extension?",
          Long.toUnsignedString(length), MAX_HEADER);
    }
    if (length > fileSize - LENGTH_BYTES) {
      throw problem(
          "the header claims %d bytes, but the file has only %d after its length; the file is"
              + " truncated or not a safetensors file, fetch it again",
          length, fileSize - LENGTH_BYTES);
    }
    if (!fitsHeap(length, Runtime.getRuntime().maxMemory())) {
      throw problem(
          "the header has %d bytes, too many for a heap of %d; start Java with -Xmx%dm or more",
          length, Runtime.getRuntime().maxMemory(), length * HEAP_PER_BYTE / (1 << 20) + 1);
    }
    dataStart = LENGTH_BYTES + length;
    ByteBuffer raw = file.read(LENGTH_BYTES, (int) length);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(raw).toString();
    } catch (CharacterCodingException e) {
      throw problem("the header is not UTF-8 from its byte %d on", raw.position());
    }
  }

  /** Whether JSON of this length can be read; a file must not end the whole process. */
  static boolean fitsHeap(long jsonBytes, long heap) {
    return jsonBytes <= heap / HEAP_PER_BYTE;
  }

  private void parse(String text) throws IOException {
    if (!text.startsWith("{")) {
      throw problem("the header does not start with '{'");
    }
    try (JsonReader json = new JsonReader(new StringReader(text))) {
      json.setStrictness(Strictness.STRICT);
      json.beginObject();
      while (json.hasNext()) {
        String name = json.nextName();
        if (!names.add(name)) {
          throw problem("'%s' stands twice in the header", name);
        }
        if (name.equals("__metadata__")) {
          parseMetadata(json);
        } else {
          parseTensor(name, json);
        }
      }
      json.endObject();
      if (json.peek() != JsonToken.END_DOCUMENT) {
        throw problem("text follows the header's JSON object");
      }
    } catch (TensorFileException e) {
      throw e;
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw problem("the header is not the JSON wanted: %s", JsonReason.of(e));
    }
  }

  private void parseMetadata(JsonReader json) throws IOException {
    json.beginObject();
    while (json.hasNext()) {
      String key = json.nextName();
      if (json.peek() != JsonToken.STRING) {
        throw problem("metadata '%s' is no string", key);
      }
      if (metadata.put(key, json.nextString()) != null) {
        throw problem("metadata '%s' stands twice", key);
      }
    }
    json.endObject();
  }

  private void parseTensor(String name, JsonReader json) throws IOException {
    Optional<String> dtype = Optional.empty();
    Optional<List<Long>> shape = Optional.empty();
    Optional<List<Long>> offsets = Optional.empty();
    Set<String> keys = new HashSet<>();
    json.beginObject();
    while (json.hasNext()) {
      String key = json.nextName();
      if (!keys.add(key)) {
        throw problem("tensor '%s': '%s' stands twice", name, key);
      }
      switch (key) {
        case "dtype" -> dtype = Optional.of(json.nextString());
        case "shape" -> shape = Optional.of(numbers(name, key, json));
        case "data_offsets" -> offsets = Optional.of(numbers(name, key, json));
        default -> throw problem("tensor '%s' has an unknown key '%s'", name, key);
      }
    }
    json.endObject();
    if (dtype.isEmpty() || shape.isEmpty() || offsets.isEmpty()) {
      throw problem("tensor '%s' needs dtype, shape and data_offsets, has %s", name, keys);
    }
    tensors.add(entry(name, dtype.get(), shape.get(), offsets.get()));
  }

  private List<Long> numbers(String name, String key, JsonReader json) throws IOException {
    List<Long> numbers = new ArrayList<>();
    json.beginArray();
    while (json.hasNext()) {
      if (json.peek() != JsonToken.NUMBER) {
        throw problem("tensor '%s': %s holds something that is no number", name, key);
      }
      String text = json.nextString();
      try {
        numbers.add(Long.parseLong(text));
      } catch (NumberFormatException e) {
        throw problem("tensor '%s': %s holds %.30s, which is no 64-bit integer", name, key, text);
      }
      if (numbers.get(numbers.size() - 1) < 0) {
        throw problem("tensor '%s': %s holds %s, which is negative", name, key, text);
      }
    }
    json.endArray();
    return numbers;
  }

  private TensorEntry entry(String name, String dtypeName, List<Long> shape, List<Long> offsets)
      throws TensorFileException {
    Optional<DType> dtype = DType.named(dtypeName);
    if (dtype.isEmpty()) {
      throw problem(
          "tensor '%s' has dtype '%s', wanted one of %s",
          name, dtypeName, Arrays.toString(DType.values()));
    }
    if (offsets.size() != 2) {
      throw problem("tensor '%s': data_offsets wants 2 numbers, got %d", name, offsets.size());
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    long room = fileSize - dataStart;
    if (begin > end || end > room) {
      throw problem(
          "tensor '%s' claims bytes %d to %d of %d of data; the file is truncated or damaged, fetch it"
              + " again",
          name, begin, end, room);
    }
    long wanted = dtype.get().sizeInBytes();
    try {
      // a dimension of 0 makes the product 0 even where the others would overflow
      if (shape.contains(0L)) {
        wanted = 0;
      }
      for (long size : shape) {
        wanted = Math.multiplyExact(wanted, size);
      }
    } catch (ArithmeticException e) {
      throw problem("tensor '%s': the size of shape %s overflows", name, shape);
    }
    if (wanted != end - begin) {
      throw problem(
          "tensor '%s': shape %s of %s needs %d bytes, data_offsets give %d",
          name, shape, dtypeName, wanted, end - begin);
    }
    return new TensorEntry(name, dtype.get(), shape, file.file(), dataStart + begin, end - begin);
  }

  /** Tensors lie without holes and overlaps from the header to the end of the file. */
  private void checkLayout() throws TensorFileException {
    tensors.sort(
        Comparator.comparingLong(TensorEntry::offset).thenComparingLong(TensorEntry::bytes));
    long at = dataStart;
    String before = "the header";
    for (TensorEntry tensor : tensors) {
      if (tensor.offset() != at) {
        throw problem(
            "tensor '%s' begins at byte %d of the data, but %s before it ends at %d (%s)",
            tensor.name(),
            tensor.offset() - dataStart,
            before,
            at - dataStart,
            tensor.offset() < at ? "overlap" : "hole");
      }
      at += tensor.bytes();
      before = "tensor '" + tensor.name() + "'";
    }
    if (at != fileSize) {
      throw problem(
          "the tensors end at byte %d, the file at %d; bytes follow that belong to no tensor",
          at, fileSize);
    }
  }

  private TensorFileException problem(String format, Object... arguments) {
    return new TensorFileException(file.name(), format.formatted(arguments));
  }
}
