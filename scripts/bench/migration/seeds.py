"""What the seed documents measured, as numbers with their source. Where a figure is only a picture, or says so little in
its text that no curve can be drawn, only what the text says is here."""

THESIS = "G. K. Rao, Efficient Virtual Machine Mobility in Cloud Computing, George Mason University, 2011"
RAAD = ("P. Raad et al., Achieving Sub-Second Downtimes in Internet-wide Virtual Machine Live Migrations in LISP Networks, "
        "2013")

# Restoration after a move: at least, whatever the distance; figures 5.7 and 5.10 have an axis up to 60 s for it.
RESTORATION = {
    "ftp": {"at_least_s": 10, "source": f"{THESIS}, section 5.3.1, figure 5.7: 'a minimum network restoration latency "
                                        "for 10 seconds', constant for small delays, more for larger ones"},
    "http": {"at_least_s": None, "source": f"{THESIS}, section 5.3.2, figure 5.8: 'increases by a small amount', no number"},
    "video": {"at_least_s": 10, "source": f"{THESIS}, section 5.3.3, figure 5.10: 'no traffic is sent or received by the "
                                          "VM for about 10 seconds'"},
}

LOCATOR_CHANGE = {
    "bgp": {"rerouting_s": 9, "lost": 275, "sent": 5600},
    "lisp": {"rerouting_s": 0.06, "lost": 0, "sent": None},
    "source": f"{THESIS}, section 3.4.2, table of the comparison between two simulations",
}

# Round trips in table I, halved: LIP6-INRIA 16.47 ms, LIP6-VNU 299.86 ms.
ONE_WAY_MS = {"near": 8.2, "far": 149.9}
DOWNTIME_MS = {
    "near": {"smr": 320, "cp": 260},
    "far": {"smr": 1200, "cp": 1000},
    "source": f"{RAAD}, sections IV-4 and IV-5, figures 5(b) and 6(b), medians; for CP and the far client '200 ms' less than "
              "with SMR",
}
CONVERGENCE_MS = {
    "near": {"cp": 50}, "far": {"cp": 200},
    "source": f"{RAAD}, section IV-A: 'a median mapping convergence overhead that varies from 50 ms for nearby clients ... to "
              "200 ms for distant'; with SMR a third to a half of the downtime (IV-5), which is drawn as a range",
}


def smr_convergence_ms(client):
    """The range that the share of the downtime gives."""
    down = DOWNTIME_MS[client]["smr"]
    return down / 3, down / 2
