package io.github.lora4j.hub.testing;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.ProtocolFamily;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs a program in a JVM of its own that has no network: every attempt to open a socket, of
 * whatever kind, fails and is told of. The JDK's HTTP client needs a selector before it does
 * anything, so even making one is seen.
 */
public final class DeniedNetwork extends SelectorProvider {

  /** What the output has if a program tried. */
  public static final String TRIED = "network denied: ";

  /** Made by the JVM, by the name in the property. */
  public DeniedNetwork() {}

  /**
   * What a program printed on both streams, and its exit code.
   *
   * @param text all of it
   * @param exitCode 0 if it ended well
   */
  public record Output(String text, int exitCode) {}

  /** Runs the main method of a class. */
  public static Output run(Class<?> program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.nio.channels.spi.SelectorProvider=" + DeniedNetwork.class.getName(),
                "-cp",
                System.getProperty("java.class.path"),
                DeniedNetwork.class.getName(),
                program.getName()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Output(text, process.waitFor());
  }

  /** In the other JVM: denies what does not ask the provider, and goes on to the program. */
  @SuppressWarnings("deprecation") // no other way denies what does not ask the provider
  public static void main(String[] arguments) throws Throwable {
    Socket.setSocketImplFactory(
        () -> {
          throw new IllegalStateException(denied("Socket").getMessage());
        });
    ServerSocket.setSocketFactory(
        () -> {
          throw new IllegalStateException(denied("ServerSocket").getMessage());
        });
    DatagramSocket.setDatagramSocketImplFactory(
        () -> {
          throw new IllegalStateException(denied("DatagramSocket").getMessage());
        });
    Class.forName(arguments[0])
        .getMethod("main", String[].class)
        .invoke(null, (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
  }

  private static SocketException denied(String what) {
    System.out.println(TRIED + what); // also if the exception is caught
    return new SocketException(TRIED + what);
  }

  @Override
  public DatagramChannel openDatagramChannel() throws IOException {
    throw denied("DatagramChannel");
  }

  @Override
  public DatagramChannel openDatagramChannel(ProtocolFamily family) throws IOException {
    throw denied("DatagramChannel");
  }

  @Override
  public Pipe openPipe() throws IOException {
    throw denied("Pipe");
  }

  @Override
  public AbstractSelector openSelector() throws IOException {
    throw denied("Selector");
  }

  @Override
  public ServerSocketChannel openServerSocketChannel() throws IOException {
    throw denied("ServerSocketChannel");
  }

  @Override
  public SocketChannel openSocketChannel() throws IOException {
    throw denied("SocketChannel");
  }

  @Override
  public SocketChannel openSocketChannel(ProtocolFamily family) throws IOException {
    throw denied("SocketChannel");
  }

  @Override
  public ServerSocketChannel openServerSocketChannel(ProtocolFamily family) throws IOException {
    throw denied("ServerSocketChannel");
  }
}
