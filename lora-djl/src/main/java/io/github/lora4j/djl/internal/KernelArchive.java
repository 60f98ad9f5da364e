package io.github.lora4j.djl.internal;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Assembles the readable kernel sources into the archive that libtorch loads. The format is what
 * {@code torch.jit.save} writes: stored zip entries, a pickle that makes one module without
 * attributes, and source text; so no binary has to be committed and no Python is needed.
 */
final class KernelArchive {

  private static final List<String> SOURCES =
      List.of(
          "tensors",
          "norm",
          "rms",
          "projection",
          "dora",
          "adapters",
          "embedding",
          "attention",
          "rotary",
          "grouped",
          "fused_heads",
          "mlp",
          "loss",
          "head",
          "optimizer",
          "factors",
          "merging");

  private static final String ONEDNN = "onednn";
  private static final String CUDA_ATTENTION = "cuda-attention";

  private static final String HEADER =
      """
      class K(Module):
        __parameters__ = []
        __buffers__ = []
        training : bool
      """;

  private KernelArchive() {}

  /**
   * The sources of this library.
   *
   * @param oneDnn whether they may name operators of oneDNN, which not every libtorch knows
   * @param cudaAttention whether they may name libtorch's own attention kernels, whose signatures
   *     are no promise
   */
  static String sources(boolean oneDnn, boolean cudaAttention) throws IOException {
    StringBuilder source = new StringBuilder();
    source.append(read((oneDnn ? "" : "no-") + ONEDNN));
    source.append(read((cudaAttention ? "" : "no-") + CUDA_ATTENTION));
    for (String name : SOURCES) {
      source.append(read(name));
    }
    return source.toString();
  }

  static InputStream open(String sources) throws IOException {
    StringBuilder source = new StringBuilder(HEADER);
    sources.lines().forEach(line -> source.append("  ").append(line).append('\n'));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.setMethod(ZipOutputStream.STORED);
      // 10 is the newest file version of libtorch 2.x: operators mean what they mean today.
      put(zip, "k/version", "10\n".getBytes(StandardCharsets.US_ASCII));
      put(zip, "k/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
      put(zip, "k/data.pkl", module());
      put(zip, "k/code/__torch__.py", source.toString().getBytes(StandardCharsets.UTF_8));
    }
    return new ByteArrayInputStream(bytes.toByteArray());
  }

  /** The pickle of {@code __torch__.K} with {@code training = True}, protocol 2. */
  private static byte[] module() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(new byte[] {(byte) 0x80, 2});
    out.write("c__torch__\nK\n".getBytes(StandardCharsets.US_ASCII));
    out.write(new byte[] {')', (byte) 0x81, '}', 'X', 8, 0, 0, 0});
    out.write("training".getBytes(StandardCharsets.US_ASCII));
    out.write(new byte[] {(byte) 0x88, 's', 'b', '.'});
    return out.toByteArray();
  }

  private static String read(String name) throws IOException {
    String resource = "kernels/" + name + ".py";
    try (InputStream in = KernelArchive.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new FileNotFoundException("kernel source '%s' is not in the jar".formatted(resource));
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void put(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    ZipEntry entry = new ZipEntry(name);
    entry.setTime(0);
    entry.setSize(bytes.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }
}
