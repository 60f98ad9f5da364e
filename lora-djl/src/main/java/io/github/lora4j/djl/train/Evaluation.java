package io.github.lora4j.djl.train;

/**
 * What a validation set said.
 *
 * @param step optimiser steps taken before
 * @param epoch passes over the training data before, e.g. 1.5
 * @param loss mean cross-entropy per label over the whole validation set, nats
 * @since 0.1.0
 */
public record Evaluation(int step, double epoch, double loss) {}
