package io.github.lora4j.io;

import io.github.lora4j.spi.TensorData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Pickles and archives of torch.save made by hand, right or wrong. */
public final class RawTorch {

  /** The three short pickles that the older layout begins with. */
  private static final byte[] STREAM_HEAD =
      HexFormat.of()
          .parseHex(
              "80028a0a6cfc9c46f9206aa850192e" // magic number
                  + "80024de9032e" // protocol 1001
                  + "80027d58" // {'little_endian': True}
                  + "0d0000006c6974746c655f656e6469616e88732e");

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private RawTorch() {}

  /**
   * A file of torch.save with fp32 tensors, each in a storage of its own.
   *
   * @param file what to write
   * @param tensors by name
   */
  public static void write(Path file, Map<String, TensorData> tensors) throws IOException {
    RawTorch pickle = pickle().op('}');
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("archive/data.pkl", new byte[0]);
    tensors.forEach(
        (name, tensor) -> {
          String key = String.valueOf(entries.size() - 1);
          long[] shape = tensor.shape().stream().mapToLong(size -> size).toArray();
          long[] strides = new long[shape.length];
          long stride = 1;
          for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
          }
          pickle.text(name).tensor(key, tensor.values().length, 0, shape, strides).op('s');
          ByteBuffer bytes =
              ByteBuffer.allocate(4 * tensor.values().length).order(ByteOrder.LITTLE_ENDIAN);
          bytes.asFloatBuffer().put(tensor.values());
          entries.put("archive/data/" + key, bytes.array());
        });
    entries.put("archive/data.pkl", pickle.bytes());
    entries.put("archive/version", new byte[] {'3', '\n'});
    Files.write(file, zip(entries));
  }

  /** A pickle of protocol 2. */
  static RawTorch pickle() {
    return new RawTorch().op(0x80).op(2);
  }

  RawTorch op(int code) {
    out.write(code);
    return this;
  }

  RawTorch op(char code) {
    return op((int) code);
  }

  RawTorch ops(String codes) {
    codes.chars().forEach(this::op);
    return this;
  }

  RawTorch line(String text) {
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    return op('\n');
  }

  RawTorch global(String module, String name) {
    return op('c').line(module).line(name);
  }

  RawTorch text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    op('X').int4(bytes.length);
    out.writeBytes(bytes);
    return this;
  }

  RawTorch number(long value) {
    op(0x8a).op(8);
    out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    return this;
  }

  RawTorch int4(int value) {
    out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    return this;
  }

  /** The persistent id of an fp32 storage. */
  RawTorch storage(String key, long elements) {
    return op('(')
        .text("storage")
        .global("torch", "FloatStorage")
        .text(key)
        .text("cpu")
        .number(elements)
        .ops("tQ");
  }

  /** A tensor of an fp32 storage. */
  RawTorch tensor(String key, long elements, long offset, long[] shape, long[] strides) {
    global("torch._utils", "_rebuild_tensor_v2").op('(').storage(key, elements).number(offset);
    return numbers(shape).numbers(strides).op(0x89).orderedDict().ops("tR");
  }

  RawTorch orderedDict() {
    return global("collections", "OrderedDict").ops(")R");
  }

  RawTorch numbers(long... values) {
    op('(');
    for (long value : values) {
      number(value);
    }
    return op('t');
  }

  /** The pickle; a STOP is added. */
  byte[] bytes() {
    op('.');
    return out.toByteArray();
  }

  /** A dictionary with one tensor of two elements that is right. */
  static byte[] onePair() {
    return pickle()
        .op('}')
        .text("a")
        .tensor("0", 2, 0, new long[] {2}, new long[] {1})
        .op('s')
        .bytes();
  }

  /** An archive with a pickle and a storage 0 of two elements. */
  static byte[] zip(byte[] pickle) {
    return zip(entries(pickle));
  }

  static Map<String, byte[]> entries(byte[] pickle) {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("archive/data.pkl", pickle);
    entries.put("archive/data/0", new byte[8]);
    entries.put("archive/version", new byte[] {'3', '\n'});
    return entries;
  }

  static byte[] zip(Map<String, byte[]> entries) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry stored = new ZipEntry(entry.getKey());
        CRC32 crc = new CRC32();
        crc.update(entry.getValue());
        stored.setMethod(ZipEntry.STORED);
        stored.setSize(entry.getValue().length);
        stored.setCrc(crc.getValue());
        zip.putNextEntry(stored);
        zip.write(entry.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** The older layout: the pickle, keys of storages, and what follows. */
  static byte[] stream(byte[] pickle, byte[] keys, byte[] storages) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(STREAM_HEAD);
    bytes.writeBytes(pickle);
    bytes.writeBytes(keys);
    bytes.writeBytes(storages);
    return bytes.toByteArray();
  }

  /** The older layout with a storage 0 of two elements. */
  static byte[] stream(byte[] pickle) {
    return stream(pickle, keys("0"), storage(2, 8));
  }

  static byte[] keys(String... keys) {
    RawTorch list = pickle().ops("](");
    for (String key : keys) {
      list.text(key);
    }
    return list.op('e').bytes();
  }

  /** A storage of the older layout: what it claims, and its bytes. */
  static byte[] storage(long elements, int bytes) {
    return ByteBuffer.allocate(8 + bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(elements).array();
  }
}
