package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * The low-rank pair beside one linear map, fp32, as views of its adapter's flat buffers.
 *
 * @param a (r, in)
 * @param b (out, r)
 * @param gradA (r, in), null if the adapter is not trained
 * @param gradB (out, r), null if the adapter is not trained
 * @param magnitude lengths of the adapted rows, null unless the pair is one of DoRA
 * @param scaling factor of the update
 * @param dropout probability that an element of the input is dropped while training
 */
record LowRank(
    NDArray a,
    NDArray b,
    @Nullable NDArray gradA,
    @Nullable NDArray gradB,
    @Nullable Magnitude magnitude,
    double scaling,
    double dropout) {}
