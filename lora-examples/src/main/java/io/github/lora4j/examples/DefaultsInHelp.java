package io.github.lora4j.examples;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.ListResourceBundle;

/**
 * Lets {@code --help} tell the values of {@link ExampleDefaults}, under {@link #PREFIX} and the
 * names of its parts. A key that is the name of an option would take the place of its description.
 */
final class DefaultsInHelp extends ListResourceBundle {

  private static final String PREFIX = "default.";

  @Override
  protected Object[][] getContents() {
    return Arrays.stream(ExampleDefaults.class.getRecordComponents())
        .map(part -> new Object[] {PREFIX + part.getName(), text(part)})
        .toArray(Object[][]::new);
  }

  private static String text(RecordComponent part) {
    String published = value(part, ExampleDefaults.PUBLISHED);
    String embedded = value(part, ExampleDefaults.EMBEDDED);
    return published.equals(embedded)
        ? published
        : published + "; for the embedded model " + embedded;
  }

  private static String value(RecordComponent part, ExampleDefaults defaults) {
    try {
      return String.valueOf(part.getAccessor().invoke(defaults));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("a record of this package cannot be read", e);
    }
  }
}
