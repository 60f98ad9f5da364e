/**
 * Training data: SQuAD, prompt templates, files of records and conversations, token datasets, and
 * the official metric.
 */
@NullMarked
package io.github.lora4j.djl.data;

import org.jspecify.annotations.NullMarked;
