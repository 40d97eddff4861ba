package io.predump.engine;

import io.predump.linux.Errno;
import io.predump.linux.Pid;
import io.predump.linux.SyscallException;
import io.predump.linux.proc.Vma;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The shared objects a process maps, each once, whatever the number of mappings. */
final class SharedObjects {
  private static final long SECOND_CHOICE = 1L << 40;

  private record Key(int major, int minor, long inode) {}

  private final Pid pid;
  private final Map<Key, SharedObject> objects = new LinkedHashMap<>();

  SharedObjects(Pid pid) {
    this.pid = pid;
  }

  /** Takes note of what the newest maps shows: new objects, and those gone. */
  void update(List<PolicedVma> vmas) {
    Map<Key, Vma> mapped = new LinkedHashMap<>();
    for (PolicedVma policed : vmas) {
      if (policed.inSharedPagemap()) {
        Vma vma = policed.vma();
        mapped.putIfAbsent(new Key(vma.deviceMajor(), vma.deviceMinor(), vma.inode()), vma);
      }
    }
    objects.keySet().retainAll(mapped.keySet());
    mapped.forEach(
        (key, vma) -> {
          SharedObject known = objects.get(key);
          if (known == null) {
            objects.put(key, new SharedObject(freeId(key.inode()), pid, vma));
          } else {
            known.mappedAt(vma);
          }
        });
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

  /**
   * Lists every object's pages. An object unmapped since maps was read is left out; its mapping is
   * no longer in the next round's maps either.
   */
  void list(ScanCounts counts) throws IOException {
    List<Key> gone = new ArrayList<>();
    for (Map.Entry<Key, SharedObject> entry : objects.entrySet()) {
      try {
        entry.getValue().list(counts);
      } catch (SyscallException e) {
        if (!e.is(Errno.ENOENT)) {
          throw e;
        }
        gone.add(entry.getKey());
      }
    }
    gone.forEach(objects::remove);
  }

  Collection<SharedObject> all() {
    return objects.values();
  }
}
