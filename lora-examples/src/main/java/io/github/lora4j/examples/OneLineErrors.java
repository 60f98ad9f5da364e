package io.github.lora4j.examples;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Says what went wrong in one line on the standard error; exit code 1, or 2 for a wrong option. */
final class OneLineErrors implements IExecutionExceptionHandler, IParameterExceptionHandler {

  static final String PREFIX = "lora4j: ";

  /** Set it to true to see where a failure came from. */
  static final String TRACE = "lora4j.trace";

  /** Failures that a message explains; others are bugs, so their type is named too. */
  private static final List<Class<? extends Exception>> EXPLAINED =
      List.of(IOException.class, LoraException.class, IllegalArgumentException.class);

  @Override
  public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed) {
    command.getErr().println(PREFIX + line(failure));
    if (Boolean.getBoolean(TRACE)) {
      failure.printStackTrace(command.getErr());
    }
    command.getErr().flush();
    return CommandLine.ExitCode.SOFTWARE;
  }

  @Override
  public int handleParseException(ParameterException failure, String[] args) {
    CommandLine command = failure.getCommandLine();
    command.getErr().println(PREFIX + oneLine(failure) + "; --help lists the options");
    command.getErr().flush();
    return CommandLine.ExitCode.USAGE;
  }

  /** The message of a failure without line breaks. */
  static String line(Exception failure) {
    boolean explained = EXPLAINED.stream().anyMatch(type -> type.isInstance(failure));
    if (explained && failure.getMessage() != null) {
      return reason(failure) + oneLine(failure);
    }
    return "%s: %s (-D%s=true shows where)"
        .formatted(failure.getClass().getSimpleName(), oneLine(failure), TRACE);
  }

  /** Exceptions of the file system carry only the file's name where the type says the rest. */
  private static String reason(Exception failure) {
    if (!(failure instanceof FileSystemException file) || file.getReason() != null) {
      return "";
    }
    if (file instanceof NoSuchFileException) {
      return "there is no file ";
    }
    if (file instanceof AccessDeniedException) {
      return "access denied: ";
    }
    return file instanceof FileAlreadyExistsException ? "a file is in the way: " : "";
  }

  private static String oneLine(Exception failure) {
    return String.valueOf(failure.getMessage())
        .strip()
        .replaceAll(":\\s*\\R\\s*", ": ")
        .replaceAll("\\s*\\R\\s*", "; ");
  }
}
