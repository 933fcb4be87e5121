# Prints numbered lines, the first one at once, then one a second; ends at once when asked to.
trap 'echo "stopping"; exit 0' TERM INT
number=1
while :; do
    echo "line $number"
    number=$((number + 1))
    sleep 1 &
    wait $!
done
