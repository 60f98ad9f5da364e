package io.github.lora4j.djl.train;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which elements of an adapter's flat buffer decay, how fast they learn, and which of them learn at
 * all.
 *
 * @param layout names and shapes, in the order of the buffer
 * @param embeddings paths of modules whose pairs stand beside a table
 */
record ParameterGroups(AdapterLayout layout, Set<String> embeddings) {

  /** What a tensor has in every element. */
  private interface OfTensor {
    float of(String name, TensorData tensor);
  }

  /**
   * 1 for what decays: matrices, whether of pairs or of modules that are trained whole, and DoRA's
   * magnitudes; no bias and no norm, as in Hugging Face's Trainer and in PEFT's LoRA+.
   */
  float[] decay() {
    float[] mask =
        fill(
            (name, tensor) ->
                tensor.shape().size() > 1 || name.endsWith(".lora_magnitude_vector") ? 1 : 0);
    trained()
        .ifPresent(
            trained -> {
              for (int i = 0; i < mask.length; i++) {
                mask[i] *= trained[i];
              }
            });
    return mask;
  }

  /**
   * Learning rates as multiples of that of A; empty where there is one for all. The groups are
   * those of PEFT's LoRA+: pairs beside embeddings; B and all vectors; the rest.
   */
  Optional<float[]> rates(TrainingOptions options) {
    if (options.loraPlusRatio() == 1) {
      return Optional.empty();
    }
    float embedding = (float) (options.loraPlusEmbeddingRate() / options.learningRate());
    return Optional.of(
        fill(
            (name, tensor) ->
                embeddings.contains(name.substring(0, name.lastIndexOf('.')))
                    ? embedding
                    : name.endsWith(".lora_B") || tensor.shape().size() == 1
                        ? (float) options.loraPlusRatio()
                        : 1));
  }

  /** 1 for what is trained; empty where all is. */
  Optional<float[]> trained() {
    if (!layout.halfFixed()) {
      return Optional.empty();
    }
    float[] mask = fill((name, tensor) -> 1);
    int start = 0;
    for (Map.Entry<String, TensorData> entry : layout.values().entrySet()) {
      int count = entry.getValue().values().length;
      if (entry.getKey().endsWith(".lora_A")) {
        Arrays.fill(mask, start + count / 2, start + count, 0); // the lower half of (2r, in)
      } else if (entry.getKey().endsWith(".lora_B")) {
        int rank = Math.toIntExact(entry.getValue().shape().get(1));
        for (int row = start; row < start + count; row += rank) { // the right half of (out, 2r)
          Arrays.fill(mask, row + rank / 2, row + rank, 0);
        }
      }
      start += count;
    }
    return Optional.of(mask);
  }

  private float[] fill(OfTensor value) {
    int elements = layout.values().values().stream().mapToInt(t -> t.values().length).sum();
    float[] all = new float[elements];
    int start = 0;
    for (Map.Entry<String, TensorData> entry : layout.values().entrySet()) {
      int end = start + entry.getValue().values().length;
      Arrays.fill(all, start, end, value.of(entry.getKey(), entry.getValue()));
      start = end;
    }
    return all;
  }
}
