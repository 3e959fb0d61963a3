"""Start-up: from exec to the first answered request, over logs of 10^4 to 10^7 records, after dropping their pages.

Up to 10^6 the records have 2.8 kB. Those of 10^7 have 200 bytes, so that the log is 2 GB and not 28: start-up reads
the manifest, the key filters and the journal, none of which depends on how long a record is. The journal, a ring of
fixed size, is left out of the bytes per record.
"""

import time

import processes
import rows

SIZES = {"1e4": (10**4, 2800), "1e5": (10**5, 2800), "1e6": (10**6, 2800), "1e7": (10**7, 200)}


def run(context):
    samples = rows.Samples()
    sizes = {name: size for name, size in SIZES.items() if not (context.quick and name in ("1e6", "1e7"))}
    logs = {name: context.log(f"start_{name}", *size) for name, size in sizes.items()}
    for round_number in range(context.rounds):
        line = []
        for name, data in logs.items():
            processes.drop_caches(data)
            with processes.Cwtchd(context.programs, data, context.server_cpus) as cwtchd:
                cwtchd.wait()
                if round_number == 0:  # these do not vary; the server counts them once a second
                    time.sleep(2)
                    metrics = cwtchd.metrics()
                    journal_bytes = sum(file.stat().st_size for file in (data / "log").glob("journal.*"))
                    samples.add(name, "read", metrics["cwtchd_start_bytes_read"] - journal_bytes)
                    samples.add(name, "index", metrics["cwtchd_key_index_memory_bytes"])
            samples.add(name, "ready", cwtchd.ready_ms)
            line.append(f"{name}: {cwtchd.ready_ms:.0f} ms")
        context.say(f"  round {round_number + 1}, ready after {', '.join(line)}")
    result = []
    for name in sizes:
        runs, records = samples.runs(name, "ready"), sizes[name][0]
        result += [
            rows.row(f"start.ready_ms.{name}", samples.median(name, "ready"), "ms", runs),
            rows.row(f"start.bytes_per_record.{name}", samples.median(name, "read") / records, "B", runs),
            rows.row(f"memory.key_index_per_record.{name}", samples.median(name, "index") / records, "B", runs),
        ]
    return result
