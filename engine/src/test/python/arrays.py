"""arrays: an interpreter with large arrays, which it goes on changing and knows by heart.

MIB megabytes (argument 1, default 200) in 16 arrays of 64-bit numbers, and small objects that come and go beside them.
A page's worth of numbers at a time is replaced by a function of a counter, which a list keeps. Prints "ready"; each line of
input is answered by "ok" and the number of changes so far, after everything was checked, or by "bad".
"""
import array
import random
import sys
import threading

ARRAYS = 16
STEP = 512
mib = int(sys.argv[1]) if len(sys.argv) > 1 else 200
length = mib * (1 << 20) // 8 // ARRAYS // STEP * STEP
lock = threading.Lock()
arrays = [array.array("q", bytes(8 * length)) for _ in range(ARRAYS)]
known = [{} for _ in range(ARRAYS)]
objects = {}
changes = 0


def pattern(counter):
    return array.array("q", range(counter, counter + STEP))


def change(choose):
    global changes
    with lock:
        changes += 1
        which = choose.randrange(ARRAYS)
        if choose.randrange(2000) == 0:  # a new array in place of an old one
            arrays[which] = array.array("q", bytes(8 * length))
            known[which] = {}
        at = choose.randrange(length // STEP)
        arrays[which][at * STEP:(at + 1) * STEP] = pattern(changes)
        known[which][at] = changes
        objects[changes % 20000] = [str(changes)] * 3


def sound():
    with lock:
        for numbers, places in zip(arrays, known):
            for at, counter in places.items():
                if numbers[at * STEP:(at + 1) * STEP] != pattern(counter):
                    return False
        return all(int(texts[0]) % 20000 == key for key, texts in objects.items())


def work():
    choose = random.Random(1)
    while True:
        change(choose)


threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    print("ok %d" % changes if sound() else "bad", flush=True)
