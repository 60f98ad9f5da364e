package io.github.lora4j.djl.block;

import ai.djl.nn.Parameter;

/**
 * A pair beside one weight.
 *
 * @param a (r, in)
 * @param b (out, r)
 * @param scaling s
 */
record LowRankPair(Parameter a, Parameter b, double scaling) {}
