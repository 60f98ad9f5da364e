package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged files are read or refused with {@link TensorFileException}: no other exception, no memory
 * that the file does not have. A failure names the seed.
 */
class SafetensorsFuzzTest {

  private static final int ROUNDS = 1500;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"every-dtype", "odd-names", "shapes", "model-00001-of-00002"})
  void flippedBytesAreReadOrRefused(String name) throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("safetensors/" + name + ".safetensors"));
    int header = header(valid);
    int refused = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] bytes = valid.clone();
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        bytes[random.nextInt(8 + header)] ^= (byte) (1 << random.nextInt(8));
      }
      refused += refuses(bytes, seed) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(ROUNDS / 2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"every-dtype", "shapes"})
  void filesCutAnywhereAreRefused(String name) throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("safetensors/" + name + ".safetensors"));
    for (int length = 0; length < valid.length; length += 1 + length / 97) {
      assertThat(refuses(Arrays.copyOf(valid, length), length)).as("length %d", length).isTrue();
    }
  }

  @Test
  void headersOfShuffledPiecesAreReadOrRefused() throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("safetensors/shapes.safetensors"));
    int header = header(valid);
    int refused = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] bytes = valid.clone();
      int length = 1 + random.nextInt(12);
      int from = 8 + random.nextInt(header - length);
      int to = 8 + random.nextInt(header - length);
      System.arraycopy(valid, from, bytes, to, length);
      refused += refuses(bytes, seed) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(ROUNDS / 2);
  }

  private static int header(byte[] file) {
    return (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
  }

  private boolean refuses(byte[] bytes, int seed) throws IOException {
    Path file = Files.write(directory.resolve("seed-" + seed), bytes);
    try (Safetensors tensors = Safetensors.open(file)) {
      for (TensorEntry tensor : tensors.tensors()) {
        assertThat(tensors.floats(tensor)).hasSize((int) tensor.elements());
      }
      return false;
    } catch (TensorFileException e) {
      assertThat(e).hasMessageContaining("seed-" + seed);
      return true;
    } finally {
      Files.delete(file);
    }
  }
}
