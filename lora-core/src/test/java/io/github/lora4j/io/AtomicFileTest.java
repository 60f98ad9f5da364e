package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {

  @TempDir Path directory;

  @Test
  void bytesAreWrittenAndReplaced() throws IOException {
    Path file = directory.resolve("a");

    AtomicFile.write(file, new byte[] {1, 2, 3});
    AtomicFile.write(file, new byte[] {4});

    assertThat(file).hasBinaryContent(new byte[] {4});
    assertThat(directory).isDirectoryContaining("glob:**/a").isDirectoryNotContaining("glob:**/.*");
  }

  @Test
  void fullDiskLeavesWhatStoodThere() throws IOException {
    Path file = directory.resolve("a");
    AtomicFile.write(file, new byte[] {1, 2, 3});

    assertThatThrownBy(() -> AtomicFile.write(file, AtomicFileTest::halfThenFull))
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": No space left on device");

    assertThat(file).hasBinaryContent(new byte[] {1, 2, 3});
    assertThat(directory.toFile().list()).containsExactly("a");
  }

  @Test
  void fullDiskLeavesNoNewFile() {
    assertThatThrownBy(() -> AtomicFile.write(directory.resolve("a"), AtomicFileTest::halfThenFull))
        .isInstanceOf(IOException.class);

    assertThat(directory).isEmptyDirectory();
  }

  private static void halfThenFull(java.nio.channels.FileChannel channel) throws IOException {
    channel.write(ByteBuffer.wrap(new byte[] {9, 9}));
    throw new IOException("No space left on device");
  }

  @Test
  void missingDirectoryIsReported() {
    Path file = directory.resolve("nowhere").resolve("a");

    assertThatThrownBy(() -> AtomicFile.write(file, new byte[1]))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("nowhere");
  }

  @Test
  void fileCannotReplaceADirectoryThatIsNotEmpty() throws IOException {
    Path target = Files.createDirectory(directory.resolve("a"));
    Files.createFile(target.resolve("kept"));

    assertThatThrownBy(() -> AtomicFile.write(target, new byte[1])).isInstanceOf(IOException.class);

    assertThat(directory.toFile().list()).containsExactly("a");
    assertThat(target.resolve("kept")).exists();
  }

  @Test
  @DisabledOnOs(OS.WINDOWS) // has no such permissions
  void othersMayRead() throws IOException {
    Path file = directory.resolve("a");

    AtomicFile.write(file, new byte[1]);

    assertThat(Files.getPosixFilePermissions(file)).contains(PosixFilePermission.OTHERS_READ);
  }
}
