package io.github.lora4j.hub.testing;

import java.nio.charset.StandardCharsets;

/** A file of a commit. */
public final class DoubleFile {

  private final byte[] bytes;
  private final boolean large;

  private DoubleFile(byte[] bytes, boolean large) {
    this.bytes = bytes.clone();
    this.large = large;
  }

  /** What the hub does with a file of this name. */
  public static DoubleFile named(String name, byte[] bytes) {
    return new DoubleFile(bytes, name.matches(".*\\.(safetensors|bin|gguf|parquet|pt)"));
  }

  /** A file that git holds itself. */
  public static DoubleFile small(byte[] bytes) {
    return new DoubleFile(bytes, false);
  }

  /** A file that is kept by large file storage, on the other host. */
  public static DoubleFile large(byte[] bytes) {
    return new DoubleFile(bytes, true);
  }

  public byte[] bytes() {
    return bytes.clone();
  }

  /** Whether it is kept by large file storage. */
  public boolean isLarge() {
    return large;
  }

  /** The hash of its content that serves as entity tag and names it in a cache. */
  public String etag() {
    return large ? Hashes.sha256(bytes) : Hashes.gitBlob(bytes);
  }

  /** What the Xet store would call it; the double has none, as a client can do without. */
  String xetHash() {
    return Hashes.sha256(Hashes.sha256(bytes).getBytes(StandardCharsets.US_ASCII));
  }

  /** What git itself holds. */
  public byte[] inGit() {
    String pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"
            .formatted(Hashes.sha256(bytes), bytes.length);
    return large ? pointer.getBytes(StandardCharsets.UTF_8) : bytes();
  }
}
