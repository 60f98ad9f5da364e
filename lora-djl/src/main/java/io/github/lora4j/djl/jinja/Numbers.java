package io.github.lora4j.djl.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;

/**
 * Python's numbers: whole ones of any size, fractions as doubles; truth values count as 0 and 1.
 */
final class Numbers {

  private Numbers() {}

  static boolean isNumber(Object value) {
    return value instanceof Number || value instanceof Boolean;
  }

  static double fraction(Object value) {
    if (value instanceof Boolean flag) {
      return flag ? 1 : 0;
    }
    return ((Number) value).doubleValue();
  }

  static BigInteger whole(Object value) {
    if (value instanceof BigInteger big) {
      return big;
    }
    return BigInteger.valueOf(value instanceof Boolean flag ? (flag ? 1 : 0) : (Long) value);
  }

  private static Object small(BigInteger value) {
    if (value.bitLength() > 4096) {
      throw new JinjaException("a number has more than 4096 bits");
    }
    return value.bitLength() < 64 ? (Object) value.longValue() : value;
  }

  static int compare(Object left, Object right) {
    if (left instanceof Double || right instanceof Double) {
      double a = fraction(left);
      double b = fraction(right);
      if (Double.isNaN(a) || Double.isNaN(b) || Double.isInfinite(a) || Double.isInfinite(b)) {
        return a == b ? 0 : a < b ? -1 : 1;
      }
      return exact(left).compareTo(exact(right));
    }
    return whole(left).compareTo(whole(right));
  }

  private static BigDecimal exact(Object value) {
    return value instanceof Double number ? new BigDecimal(number) : new BigDecimal(whole(value));
  }

  static Object calculate(String operator, Object left, Object right) {
    boolean divides = operator.equals("/") || operator.equals("//") || operator.equals("%");
    if (divides && fraction(right) == 0) {
      throw new JinjaException("division by zero");
    }
    if (left instanceof Double || right instanceof Double || operator.equals("/")) {
      return fractions(operator, fraction(left), fraction(right));
    }
    BigInteger a = whole(left);
    BigInteger b = whole(right);
    return switch (operator) {
      case "+" -> small(a.add(b));
      case "-" -> small(a.subtract(b));
      case "*" -> small(a.multiply(b));
      case "//" -> small(floor(a, b)[0]);
      case "%" -> small(floor(a, b)[1]);
      default -> power(a, b);
    };
  }

  private static Object fractions(String operator, double a, double b) {
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> {
        double rest = a % b;
        yield rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
      }
      default -> Math.pow(a, b);
    };
  }

  /** Quotient and rest, the rest with the sign of the divisor. */
  private static BigInteger[] floor(BigInteger a, BigInteger b) {
    BigInteger[] result = a.divideAndRemainder(b);
    if (result[1].signum() != 0 && result[1].signum() != b.signum()) {
      result[0] = result[0].subtract(BigInteger.ONE);
      result[1] = result[1].add(b);
    }
    return result;
  }

  private static Object power(BigInteger a, BigInteger b) {
    if (b.signum() < 0) {
      return Math.pow(a.doubleValue(), b.doubleValue());
    }
    if (b.bitLength() > 12 || (long) a.bitLength() * b.intValue() > 8192) {
      throw new JinjaException("a number has more than 4096 bits");
    }
    return small(a.pow(b.intValue()));
  }

  static Object negate(Object value) {
    return value instanceof Double number ? (Object) (-number) : small(whole(value).negate());
  }
}
