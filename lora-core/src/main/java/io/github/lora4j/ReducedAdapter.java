package io.github.lora4j;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * An adapter of a lower rank, and how far it is from the one that it was made of. Errors are those
 * of the updates s·BA: the length of the difference / the length of the original, by Frobenius; 0
 * is the same, 1 nothing of it. Rounding to fp32, some 1e-7, is not counted.
 *
 * @param <M> type of the model
 * @param view a view with the adapter of the lower rank, to be closed by the caller
 * @param relativeError over all modules
 * @param relativeErrors of each module, by its path
 * @since 0.1.0
 */
public record ReducedAdapter<M>(
    PeftModel<M> view, double relativeError, Map<String, Double> relativeErrors) {

  /** Copies the errors. */
  public ReducedAdapter {
    Objects.requireNonNull(view, "view");
    relativeErrors = Collections.unmodifiableMap(new LinkedHashMap<>(relativeErrors));
  }
}
