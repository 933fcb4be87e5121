# Ends at once with status 3.
echo "crashing" >&2
exit 3
