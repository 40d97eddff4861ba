package io.predump.daemon.rpc;

import io.predump.daemon.DaemonException;
import io.predump.daemon.ErrorCode;
import io.predump.linux.Fd;
import io.predump.proto.CriuOptions;
import io.predump.proto.CriuRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A client's request as ours: each descriptor that it names is fetched, and named by the number it
 * has here, as long as this is open.
 */
final class Translation implements AutoCloseable {
  private final List<Fd> fetched = new ArrayList<>();
  private CriuRequest request;

  private Translation(CriuRequest request) {
    this.request = request;
  }

  /**
   * Fetches all.
   *
   * @throws DaemonException if it needs what only a criu has that the client itself has started
   * @throws IOException if one cannot be fetched
   */
  static Translation of(Caller caller, CriuRequest request) throws IOException {
    Translation translation = new Translation(request);
    if (!request.hasOpts()) {
      return translation;
    }
    CriuOptions options = request.getOpts();
    if (options.getRstSibling()
        || options.getInheritFdCount() > 0
        || (options.hasPs() && options.getPs().hasFd())) {
      throw new DaemonException(
          ErrorCode.USAGE,
          "rst_sibling, inherit_fd and a page server's fd need a criu that is the client's own child"
              + " (criu swrk)");
    }
    try {
      translation.request =
          request.toBuilder().setOpts(translation.translated(caller, options)).build();
      return translation;
    } catch (IOException e) {
      translation.close();
      throw e;
    }
  }

  private CriuOptions translated(Caller caller, CriuOptions options) throws IOException {
    CriuOptions.Builder changed = options.toBuilder();
    if (options.getImagesDirFd() >= 0) {
      changed.setImagesDirFd(fetch(caller, options.getImagesDirFd()));
    }
    if (options.hasWorkDirFd()) {
      changed.setWorkDirFd(fetch(caller, options.getWorkDirFd()));
    }
    if (options.hasStatusFd()) {
      changed.setStatusFd(fetch(caller, options.getStatusFd()));
    }
    if (options.hasPidfdStoreSk()) {
      changed.setPidfdStoreSk(fetch(caller, options.getPidfdStoreSk()));
    }
    if (!options.hasPid()) {
      changed.setPid(caller.pid().number()); // CRIU's rule: whoever asks
    }
    return changed.build();
  }

  private int fetch(Caller caller, int number) throws IOException {
    Fd fd = caller.descriptor(number);
    fetched.add(fd);
    return fd.number();
  }

  /** {@return the request as ours} */
  CriuRequest request() {
    return request;
  }

  /** {@return the same with a work directory, if it names none} */
  CriuRequest withWorkDirectory(int descriptor) {
    return request.getOpts().hasWorkDirFd()
        ? request
        : request.toBuilder()
            .setOpts(request.getOpts().toBuilder().setWorkDirFd(descriptor))
            .build();
  }

  @Override
  public void close() {
    fetched.forEach(Fd::close);
  }
}
