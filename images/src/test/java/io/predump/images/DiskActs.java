package io.predump.images;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/**
 * Stands between the writers of this JVM and the disk until it is closed: somebody is told of every
 * act before it is done, and may let it fail. No write takes more than half of what it is given, so
 * short writes are the rule, and one that fails has left its beginning behind.
 */
public final class DiskActs implements AutoCloseable {
  /** Longer ones are cut in halves. */
  private static final int SHORTEST_CUT_BYTES = 4096;

  private final Storage before;

  private DiskActs(Storage before) {
    this.before = before;
  }

  /** Is told of acts, from the threads that do them. */
  public interface Watcher {
    /**
     * An act is about to be done.
     *
     * @param act {@code mkdir}, {@code create}, {@code write}, {@code fsync}, {@code fdatasync},
     *     {@code close}, {@code symlink}, {@code rename} or {@code delete}
     * @throws IOException in place of the act, its message the reason in the system's words
     */
    void before(String act, Path path) throws IOException;
  }

  /** Begins to watch. */
  public static DiskActs watch(Watcher watcher) {
    DiskActs acts = new DiskActs(Storage.disk);
    Storage.disk = new Watched(watcher);
    return acts;
  }

  @Override
  public void close() {
    Storage.disk = before;
  }

  private static final class Watched extends Storage {
    private final Watcher watcher;

    Watched(Watcher watcher) {
      this.watcher = watcher;
    }

    /** Fails as the JDK does in calls that take a path. */
    private void path(String act, Path path) throws IOException {
      try {
        watcher.before(act, path);
      } catch (IOException e) {
        throw new FileSystemException(path.toString(), null, e.getMessage());
      }
    }

    @Override
    void createDirectory(Path directory) throws IOException {
      path("mkdir", directory);
      super.createDirectory(directory);
    }

    @Override
    FileChannel createFile(Path file) throws IOException {
      path("create", file);
      return new WatchedFile(super.createFile(file), file, watcher);
    }

    @Override
    void createLink(Path link, String target) throws IOException {
      path("symlink", link);
      super.createLink(link, target);
    }

    @Override
    void syncDirectory(Path directory) throws IOException {
      try {
        watcher.before("fsync", directory);
      } catch (IOException e) {
        throw failed(directory, "fsync", e);
      }
      super.syncDirectory(directory);
    }

    @Override
    void adopt(Path file) throws IOException {
      try {
        watcher.before("fsync", file);
      } catch (IOException e) {
        throw failed(file, "fsync", e);
      }
      super.adopt(file);
    }

    @Override
    void rename(Path from, Path to) throws IOException {
      path("rename", from);
      super.rename(from, to);
    }

    @Override
    void deleteTree(Path path) throws IOException {
      path("delete", path);
      super.deleteTree(path);
    }
  }

  /** A file as its writers use one: written at its end, synced, closed. */
  private static final class WatchedFile extends FileChannel {
    private final FileChannel file;
    private final Path path;
    private final Watcher watcher;

    WatchedFile(FileChannel file, Path path, Watcher watcher) {
      this.file = file;
      this.path = path;
      this.watcher = watcher;
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      watcher.before("write", path);
      int limit = bytes.limit();
      if (bytes.remaining() > SHORTEST_CUT_BYTES) {
        bytes.limit(bytes.position() + bytes.remaining() / 2);
      }
      try {
        return file.write(bytes);
      } finally {
        bytes.limit(limit);
      }
    }

    @Override
    public void force(boolean metaData) throws IOException {
      watcher.before(metaData ? "fsync" : "fdatasync", path);
      file.force(metaData);
    }

    @Override
    protected void implCloseChannel() throws IOException {
      try {
        watcher.before("close", path);
      } finally {
        file.close();
      }
    }

    @Override
    public long position() throws IOException {
      return file.position();
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public int read(ByteBuffer bytes) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] buffers, int offset, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int read(ByteBuffer bytes, long position) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] buffers, int offset, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer bytes, long position) throws IOException {
      watcher.before("write", path);
      int limit = bytes.limit();
      if (bytes.remaining() > SHORTEST_CUT_BYTES) {
        bytes.limit(bytes.position() + bytes.remaining() / 2);
      }
      try {
        return file.write(bytes, position);
      } finally {
        bytes.limit(limit);
      }
    }

    @Override
    public FileChannel position(long position) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel truncate(long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) {
      throw new UnsupportedOperationException();
    }
  }
}
