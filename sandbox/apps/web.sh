# Serves one page on port 80: "hello from <host name>".
mkdir -p /tmp/www
echo "hello from $(hostname)" > /tmp/www/index.html
trap 'exit 0' TERM INT
httpd -f -p 80 -h /tmp/www &
wait $!
