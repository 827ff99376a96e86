"""The seed documents' migration experiments, with real virtual machines.

servers   the guest's disk with vsftpd, nginx and ffmpeg
fetch     their clients
watch     captures, and what belongs to a flow in them
figures   the arithmetic
thesis    FTP, HTTP and video over distance, loss and corruption
grounds   vrd, or a plain switch, between the machine and its client
sites     two data centres, a near and a far client, a map-server
seed003   downtime and mapping convergence by each method
locator   a site's locator changes
seeds     what the seed documents measured
report    targets, table, file
plots     the same as pictures
"""
