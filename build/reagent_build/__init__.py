"""From `src/` and `targets` to one executable per platform: plan, print, then do.

targets      the platforms, and what each is called by whom
plan         what would be done for a target, without doing it
make         one target, and all of them side by side; board shows it, made knows what is unchanged
freezers     how an executable is made, one file each
container    the Docker engine, through its own client
images       the cross-build containers
children     the programs that a build has started, and the end of them
turns        what several targets need is made once
wheels       what the executables carry besides the standard library
age          when an image is too old; refresh makes it anew
sbom         what is in an executable, whose it is, and how to link it again: sbom_*.py
inside       what runs in the cross-build container
probe        run a program in the runtime of a built executable
"""
