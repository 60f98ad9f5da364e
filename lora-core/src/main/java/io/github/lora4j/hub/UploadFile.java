package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A local file that goes to the hub, as it was when it was read first.
 *
 * @param name in the repository
 * @param path here
 * @param size bytes
 * @param modified to notice that somebody writes it meanwhile
 * @param sha256 of its content, 64 digits
 */
record UploadFile(String name, Path path, long size, FileTime modified, String sha256) {

  /** What the hub wants to see of a file to tell texts from binaries, bytes. */
  private static final int SAMPLE = 512;

  private static final int BUFFER = 1 << 20;

  static UploadFile read(String name, Path path) throws IOException {
    HubPath.requireFile(name);
    if (!Files.isRegularFile(path)) {
      throw new NoSuchFileException(path.toString(), null, "is no file, wanted one to upload");
    }
    BasicFileAttributes seen = Files.readAttributes(path, BasicFileAttributes.class);
    String hash = hash(path, digest("SHA-256"));
    UploadFile file = new UploadFile(name, path, seen.size(), seen.lastModifiedTime(), hash);
    file.requireUnchanged();
    return file;
  }

  byte[] sample() throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      return in.readNBytes(SAMPLE);
    }
  }

  /** The name that git gives the content. */
  String gitHash() throws IOException {
    MessageDigest digest = digest("SHA-1");
    digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
    return hash(path, digest);
  }

  /** What was announced must be what is sent. */
  void requireUnchanged() throws IOException {
    BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
    if (now.size() != size || !now.lastModifiedTime().equals(modified)) {
      throw new IOException(
          "%s was written to while it was uploaded; upload it when nobody writes it"
              .formatted(path));
    }
  }

  private static String hash(Path path, MessageDigest digest) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] buffer = new byte[BUFFER];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest digest(String name) {
    try {
      return MessageDigest.getInstance(name);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has " + name, e);
    }
  }
}
