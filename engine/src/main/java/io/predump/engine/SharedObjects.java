package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The shared objects a process tree maps, each once, whatever the number of mappings. */
final class SharedObjects implements AutoCloseable {
  private static final long SECOND_CHOICE = 1L << 40;

  private record Key(int major, int minor, long inode) {}

  /** A mapping and whose it is. */
  private record Mapped(LiveThread thread, Vma vma) {}

  private final Map<Key, SharedObject> objects = new LinkedHashMap<>();

  /** Takes note of what the newest maps of all processes show: new objects, and those gone. */
  void update(Collection<AttachedProcess> processes) throws SyscallException {
    Map<Key, Mapped> mapped = new LinkedHashMap<>();
    processes.forEach(process -> collect(process.thread(), process.vmas(), mapped));
    replace(mapped);
  }

  /** The same with what the processes map at this moment. */
  void updateWith(Collection<AttachedProcess> processes) throws SyscallException {
    Map<Key, Mapped> mapped = new LinkedHashMap<>();
    for (AttachedProcess process : processes) {
      collect(process.thread(), process.mappedNow(), mapped);
    }
    replace(mapped);
  }

  /** {@return bytes that hold data, of all objects} */
  long dataBytes() throws IOException {
    long bytes = 0;
    for (SharedObject object : objects.values()) {
      bytes += object.dataBytes();
    }
    return bytes;
  }

  /** Takes note of what the newest maps of one process shows. */
  void update(LiveThread thread, List<PolicedVma> vmas) throws SyscallException {
    Map<Key, Mapped> mapped = new LinkedHashMap<>();
    collect(thread, vmas, mapped);
    replace(mapped);
  }

  private static void collect(LiveThread thread, List<PolicedVma> vmas, Map<Key, Mapped> mapped) {
    for (PolicedVma policed : vmas) {
      if (policed.inSharedPagemap()) {
        Vma vma = policed.vma();
        mapped.putIfAbsent(
            new Key(vma.deviceMajor(), vma.deviceMinor(), vma.inode()), new Mapped(thread, vma));
      }
    }
  }

  private void replace(Map<Key, Mapped> mapped) throws SyscallException {
    objects
        .entrySet()
        .removeIf(
            entry -> {
              boolean gone = !mapped.containsKey(entry.getKey());
              if (gone) {
                entry.getValue().close();
              }
              return gone;
            });
    for (Map.Entry<Key, Mapped> entry : mapped.entrySet()) {
      SharedObject known = objects.get(entry.getKey());
      if (known == null) {
        open(entry.getKey(), entry.getValue());
      } else {
        known.mappedAt(entry.getValue().vma());
      }
    }
  }

  /** A mapping that changed since maps was read is left to the next round's maps. */
  private void open(Key key, Mapped mapped) throws SyscallException {
    try {
      objects.put(key, SharedObject.open(freeId(key.inode()), mapped.thread(), mapped.vma()));
    } catch (SyscallException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.ESRCH)) {
        throw e;
      }
    }
  }

  /** The inode is the id, as in CRIU; inodes of different devices may collide. */
  private long freeId(long inode) {
    long id = inode;
    while (hasId(id)) {
      id += SECOND_CHOICE;
    }
    return id;
  }

  private boolean hasId(long id) {
    return objects.values().stream().anyMatch(object -> object.id() == id);
  }

  /** {@return the object's id, 0 if the mapping is of none} */
  long idOf(Vma vma) {
    SharedObject object = objects.get(new Key(vma.deviceMajor(), vma.deviceMinor(), vma.inode()));
    return object == null ? 0 : object.id();
  }

  /** Lists every object's pages. */
  void list(ScanCounts counts, TestHooks hooks) throws IOException {
    for (SharedObject object : objects.values()) {
      object.list(counts, hooks);
    }
  }

  Collection<SharedObject> all() {
    return objects.values();
  }

  @Override
  public void close() {
    objects.values().forEach(SharedObject::close);
    objects.clear();
  }
}
