/**
 * Layers as forward and backward pairs over concatenated sequences; equations and shapes in each.
 */
@NullMarked
package io.github.lora4j.djl.layer;

import org.jspecify.annotations.NullMarked;
