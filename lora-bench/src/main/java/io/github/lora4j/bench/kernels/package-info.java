/**
 * Layers timed by JMH, each beside the bare operations that it cannot do without. Not null-marked:
 * JMH fills the fields of its states.
 */
package io.github.lora4j.bench.kernels;
