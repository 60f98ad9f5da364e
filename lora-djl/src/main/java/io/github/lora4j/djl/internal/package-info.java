/** The border to libtorch: kernels as TorchScript text, native types, mapped weights. */
@NullMarked
package io.github.lora4j.djl.internal;

import org.jspecify.annotations.NullMarked;
