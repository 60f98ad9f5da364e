package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class HalfFloatsTest {

  @Test
  void everyHalfSurvivesARoundTrip() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = HalfFloats.fromF16((short) bits);
      if (Float.isNaN(value)) {
        assertThat(HalfFloats.fromF16(HalfFloats.toF16(value))).isNaN();
      } else {
        assertThat(HalfFloats.toF16(value)).as("%x", bits).isEqualTo((short) bits);
      }
    }
  }

  @Test
  void everyHalfHasTheValueOfItsFields() {
    for (int bits = 0; bits < 0x7C00; bits++) {
      int exponent = bits >> 10;
      double fraction = (bits & 0x3FF) / 1024.0;
      double value =
          exponent == 0 ? Math.scalb(fraction, -14) : Math.scalb(1 + fraction, exponent - 15);

      assertThat((double) HalfFloats.fromF16((short) bits)).as("%x", bits).isEqualTo(value);
      assertThat((double) HalfFloats.fromF16((short) (bits | 0x8000))).isEqualTo(-value);
    }
  }

  @Test
  void everyBrainFloatSurvivesARoundTrip() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = HalfFloats.fromBF16((short) bits);
      if (Float.isNaN(value)) {
        assertThat(HalfFloats.fromBF16(HalfFloats.toBF16(value))).isNaN();
      } else {
        assertThat(HalfFloats.toBF16(value)).as("%x", bits).isEqualTo((short) bits);
      }
    }
  }

  @Test
  void middleOfTwoHalvesRoundsToTheEvenOne() {
    for (int bits = 0; bits < 0x7BFF; bits++) {
      float low = HalfFloats.fromF16((short) bits);
      float high = HalfFloats.fromF16((short) (bits + 1));
      float middle = (float) (((double) low + high) / 2); // exact: halves have 11 bits

      int even = (bits & 1) == 0 ? bits : bits + 1;
      assertThat(HalfFloats.toF16(middle)).as("%x", bits).isEqualTo((short) even);
      assertThat(HalfFloats.toF16(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
      assertThat(HalfFloats.toF16(Math.nextDown(middle))).isEqualTo((short) bits);
    }
  }

  @Test
  void roundingEqualsTorch() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/rounding.safetensors"))) {
      float[] values = file.floats(file.require("value"));
      ByteBuffer halves = file.buffer(file.require("f16"), 0, 2 * values.length);
      ByteBuffer brains = file.buffer(file.require("bf16"), 0, 2 * values.length);

      assertThat(values).hasSizeGreaterThan(1000);
      for (int i = 0; i < values.length; i++) {
        assertThat(HalfFloats.toF16(values[i]))
            .as("%s", values[i])
            .isEqualTo(halves.getShort(2 * i));
        assertThat(HalfFloats.toBF16(values[i]))
            .as("%s", values[i])
            .isEqualTo(brains.getShort(2 * i));
      }
    }
  }
}
