/**
 * A hub at loopback, on the JDK's own server, that speaks the wire protocol of the real one: what
 * the client is tested against, without a network.
 */
@NullMarked
package io.github.lora4j.hub.testing;

import org.jspecify.annotations.NullMarked;
