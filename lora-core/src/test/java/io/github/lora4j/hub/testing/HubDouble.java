package io.github.lora4j.hub.testing;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A hub at loopback: one server for the hub, another on another host name for large content, as the
 * real one has. Routes are asked in order; those added later come first, so a test may put a fault
 * before the honest ones.
 */
public final class HubDouble implements AutoCloseable {

  private final DoubleStore store = new DoubleStore();
  private final List<DoubleRoute> routes = new CopyOnWriteArrayList<>();
  private final List<DoubleRequest> requests = new CopyOnWriteArrayList<>();
  private final List<Throwable> failures = new CopyOnWriteArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool(HubDouble::daemon);
  private final HttpServer hub;
  private final HttpServer storage;

  private HubDouble(int port) throws IOException {
    this.hub = server(port, false);
    this.storage = server(0, true);
  }

  /** Starts one that can be downloaded from. */
  public static HubDouble start() throws IOException {
    return start(0);
  }

  /** Starts one at a port; 0 for any. */
  public static HubDouble start(int port) throws IOException {
    HubDouble started = new HubDouble(port);
    started.add(new NotFoundRoute());
    started.add(new WhoamiRoute());
    started.add(new InfoRoute());
    started.add(new TreeRoute(1000));
    started.add(new ResolveRoute());
    started.add(new StorageRoute());
    started.hub.start();
    started.storage.start();
    return started;
  }

  private HttpServer server(int port, boolean second) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(threads);
    server.createContext("/", http -> answer(http, second));
    return server;
  }

  /** Puts a route before those that are there. */
  public void add(DoubleRoute route) {
    routes.add(0, route);
  }

  /** Takes a route out again. */
  public void remove(DoubleRoute route) {
    routes.remove(route);
  }

  public DoubleStore store() {
    return store;
  }

  /** What HF_ENDPOINT would be. */
  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  /** Where large content is: the same machine by another name, so another host to a client. */
  public URI storage() {
    return URI.create("http://localhost:" + storage.getAddress().getPort());
  }

  /** All requests so far, oldest first. */
  public List<DoubleRequest> requests() {
    return new ArrayList<>(requests);
  }

  /** Forgets the requests so far. */
  public void forgetRequests() {
    requests.clear();
  }

  /** What went wrong in the double itself; a client that hangs up is no failure. */
  public List<Throwable> failures() {
    return new ArrayList<>(failures);
  }

  private void answer(HttpExchange http, boolean second) {
    try (http) {
      Map<String, String> headers = new TreeMap<>();
      http.getRequestHeaders()
          .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), values.get(0)));
      requests.add(
          new DoubleRequest(
              second ? "storage" : "hub",
              http.getRequestMethod(),
              http.getRequestURI().toString(),
              headers));
      DoubleExchange exchange = new DoubleExchange(http, this, second);
      for (DoubleRoute route : routes) {
        if (route.answer(exchange)) {
          return;
        }
      }
      failures.add(new IllegalStateException("no route for " + http.getRequestURI()));
    } catch (IOException e) {
      return; // the client is gone, which tests of cut downloads want
    } catch (RuntimeException | Error e) {
      failures.add(e);
      throw e;
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    storage.stop(0);
    threads.shutdownNow();
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "hub-double");
    thread.setDaemon(true);
    return thread;
  }
}
