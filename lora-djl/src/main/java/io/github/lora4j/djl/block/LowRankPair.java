package io.github.lora4j.djl.block;

import ai.djl.nn.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * A pair beside one weight.
 *
 * @param a (r, in)
 * @param b (out, r)
 * @param scaling s
 * @param magnitude the trained lengths of the rows, (out), null unless the pair is one of DoRA
 */
record LowRankPair(Parameter a, Parameter b, double scaling, @Nullable Parameter magnitude) {}
