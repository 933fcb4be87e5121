# Says which version it is (the image's VERSION), at once and every second.
trap 'exit 0' TERM INT
while :; do
    echo "version ${VERSION:-unknown}"
    sleep 1 &
    wait $!
done
